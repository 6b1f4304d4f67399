"""Memory held for no other purpose than that it is held: it moves what is allocated after it.

How fast code runs depends on where its objects lie, and one process has one layout for as long as it lives: a list of
a few hundred numbers in a test module is enough to make the same function some percent slower or faster (Mytkowicz et
al., "Producing wrong data without doing anything obviously wrong!", ASPLOS 2009). With a layout drawn at random in each
process, what one layout favours is averaged out over processes (Curtsinger & Berger, "Stabilizer", ASPLOS 2013).
"""

from __future__ import annotations

import random

_MOST_SMALL = 2000
_SMALL_BYTES = 480  # Python's own allocator takes requests of up to 512 bytes, an object's header included
_LARGE = 8
_LARGE_BYTES = 1 << 20


class HeldMemory:
    """Objects of random number and size, drawn anew at each call of `draw`."""

    def __init__(self) -> None:
        # Neither the seed nor the state of the user's own `random`.
        self._random = random.SystemRandom()
        self._held: list[bytearray] = []

    def draw(self) -> None:
        """Hold other objects; those held so far are let go once the new ones have their place."""
        choose = random.Random(self._random.getrandbits(64))
        small = [bytearray(choose.randrange(_SMALL_BYTES)) for _ in range(choose.randrange(_MOST_SMALL))]
        large = [bytearray(choose.randrange(_LARGE_BYTES)) for _ in range(choose.randrange(_LARGE))]
        self._held = small + large
