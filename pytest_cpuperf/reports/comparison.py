"""`cpuperf compare` as text."""

from __future__ import annotations

from pytest_cpuperf.results.comparison import Change, Comparison, NotCompared, Obstacle
from pytest_cpuperf.results.printable import printable


def comparison_text(comparison: Comparison, width: int) -> str:
    """Return what differs first, then each change, the worst first, then what cannot be compared."""
    comparison = printable(comparison)
    lines = [f"! {d.name}: {d.base} → {d.head}" for d in comparison.differences]
    if comparison.moved_tests:
        lines.append(
            f"! {comparison.moved_tests} {'test' if comparison.moved_tests == 1 else 'tests'} ran on other CPUs"
        )
    if lines:
        lines.append("")
    lines += [_line(change, width) for change in comparison.changes]
    if not comparison.changes:
        lines.append("nothing that both files have can be compared")
    plain = [c for c in comparison.changes if c.beyond_noise]
    if comparison.changes:
        slower, faster = sum(c.point < 1 for c in plain), sum(c.point > 1 for c in plain)
        lines += ["", f"{len(comparison.changes)} compared: {slower} slower, {faster} faster, the rest within noise"]
    lines += [f"not compared: {skipped.test} {skipped.label}: {_why(skipped)}" for skipped in comparison.not_compared]
    lines += [f"only in HEAD: {test} {label}" for test, label in comparison.appeared]
    lines += [f"only in BASE: {test} {label}" for test, label in comparison.vanished]
    return "\n".join(lines)


def _line(change: Change, width: int) -> str:
    verdict = ("slower" if change.point < 1 else "faster") if change.beyond_noise else "same"
    basis = "" if change.basis in ("relative", "speedup") else f" ({change.basis})"
    figure = f"{verdict:<7}{change.point:.3f}× [{change.low:.3f}, {change.high:.3f}]{basis}"
    line = f"{figure}  {change.test} {change.label}"
    return line if len(line) <= width else f"{figure}\n       {change.test} {change.label}"


def _why(skipped: NotCompared) -> str:
    words = {
        Obstacle.KIND: f"it was {skipped.base} and is {skipped.head}",
        Obstacle.KERNEL: f"measured against different kernels: {skipped.base}, {skipped.head}",
        Obstacle.NO_ESTIMATE: "one side has no estimate",
        Obstacle.UNIT: f"different units: {skipped.base}, {skipped.head}",
        Obstacle.MACHINE: f"absolute figures ({skipped.base}) of different machines",
        Obstacle.PLACEMENT: f"absolute figures ({skipped.base}) of different placements",
    }
    return words[skipped.obstacle]
