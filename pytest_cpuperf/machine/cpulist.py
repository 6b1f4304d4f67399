"""The kernel's two ways of writing a set of CPUs: lists (`0-3,8`) and masks (`000f,00000100`)."""

from __future__ import annotations

# One line of /sys cannot name more CPUs than this; a torn file shall not make us build a huge set.
_MOST_CPUS = 1 << 16


def parse_list(text: str) -> frozenset[int]:
    """Return the CPUs in a kernel list such as `0-3,8`; parts that are not understood are left out."""
    cpus: set[int] = set()
    for part in text.strip("\0 \n").split(","):
        first, _, last = part.partition("-")
        try:
            low, high = int(first), int(last or first)
        except ValueError:
            continue
        if 0 <= low <= high < _MOST_CPUS:
            cpus.update(range(low, high + 1))
    return frozenset(cpus)


def parse_mask(text: str) -> frozenset[int]:
    """Return the CPUs in a kernel mask such as `000f,00000100`: 32-bit groups, highest first."""
    bits = 0
    for group in text.strip("\0 \n").split(","):
        try:
            bits = bits << 32 | int(group, 16)
        except ValueError:
            return frozenset()
    return frozenset(i for i in range(min(bits.bit_length(), _MOST_CPUS)) if bits >> i & 1)
