"""Pictures of a bucketing experiment: lengths, tokens by arm, throughput with intervals. Drawn with matplotlib."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from pytest_cpuperf.results.measurements import ArmResult, BucketingMeasurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_INK, _REAL, _PADDING = "#1b1f24", "#0969da", "#e1b16a"
# The page's own colours, which follow its light and dark.
_LONGEST_NAME = 16
_ON_A_PAGE = {_INK: "currentColor", _REAL: "var(--measured)", _PADDING: "var(--padding)"}


def bucketing_figure(record: BucketingMeasurement) -> Figure:
    """Return one figure of a bucketing measurement. Needs matplotlib."""
    return _figure(record, _PANELS)


def bucketing_svgs(record: BucketingMeasurement, name: str) -> list[str]:
    """Return the same as SVG elements for a page, one for each panel, in the page's colours.

    `name` tells the pictures of a page apart: what an element refers to inside itself is called after it.
    """
    return [_svg(_figure(record, (panel,)), f"{name} {n}") for n, panel in enumerate(_PANELS)]


def _figure(record: BucketingMeasurement, panels: Sequence[Callable[[Axes, BucketingMeasurement], None]]) -> Figure:
    import matplotlib  # from the extra [report], and slow to load: only where there is something to draw
    from matplotlib.figure import Figure

    inked = ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color")
    with matplotlib.rc_context({**dict.fromkeys(inked, _INK), "font.family": "sans-serif", "font.size": 9}):
        figure = Figure(figsize=(3.2 * len(panels), 2.5), layout="constrained")
        for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
            panel(axes, record)
    return figure


def _draw_lengths(axes: Axes, record: BucketingMeasurement) -> None:
    axes.set(title="lengths", xlabel="tokens", ylabel="texts")
    histogram = record.length_histogram
    if histogram:
        axes.stairs([count for _, count in histogram], [0, *(end for end, _ in histogram)], fill=True, color=_REAL)
        axes.set_xlim(0, histogram[-1][0])


def _draw_tokens(axes: Axes, record: BucketingMeasurement) -> None:
    from matplotlib.ticker import EngFormatter, MaxNLocator

    arms = record.arms
    real = [arm.real_tokens for arm in arms]
    padding = [arm.padded_tokens - arm.real_tokens for arm in arms]
    axes.barh(range(len(arms)), real, color=_REAL, label="real")
    axes.barh(range(len(arms)), padding, left=real, color=_PADDING, label="padding")
    axes.set(title="tokens the model is given", xlabel="tokens")
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.xaxis.set_major_formatter(EngFormatter(sep=""))
    axes.legend(frameon=False, fontsize=8)
    _name_rows(axes, arms)


def _draw_throughput(axes: Axes, record: BucketingMeasurement) -> None:
    axes.set(title="throughput, with intervals", xlabel="sequences/s")
    for row, arm in enumerate(record.arms):
        if arm.throughput:
            point, low, high = arm.throughput.point, arm.throughput.low, arm.throughput.high
            axes.barh(row, point, color=_REAL)
            axes.errorbar(point, row, xerr=[[point - low], [high - point]], fmt="none", color=_INK, capsize=3)
    axes.set_xlim(left=0)
    _name_rows(axes, record.arms)


_PANELS = (_draw_lengths, _draw_tokens, _draw_throughput)


def _name_rows(axes: Axes, arms: Sequence[ArmResult]) -> None:
    # Names come from a file: a dollar in them is no mathematics, and a long one must leave room for the bars.
    names = [textwrap.shorten(arm.arm, _LONGEST_NAME, placeholder="…")[:_LONGEST_NAME] for arm in arms]
    axes.set_yticks(range(len(arms)), names, parse_math=False)
    axes.set_ylim(len(arms) - 0.5, -0.5)


def _svg(figure: Figure, salt: str) -> str:
    import matplotlib

    written = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": salt}):
        figure.savefig(written, format="svg", transparent=True, metadata=nothing)
    text = written.getvalue()
    # The element alone, without a style that would be the whole page's, and names only where something refers to them.
    text = re.sub(r"<style.*?</style>", "", text[text.index("<svg") :], count=1, flags=re.DOTALL)
    referred = set(re.findall(r'"#(.*?)"|url\(#(.*?)\)', text))
    names = {name for pair in referred for name in pair}
    text = re.sub(r' id="(.*?)"', lambda found: found[0] if found[1] in names else "", text)
    for colour, name in _ON_A_PAGE.items():
        text = text.replace(colour, name)
    return text
