"""How verdicts and judgements look: one table for the terminal, HTML and Markdown."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_cpuperf.results.claims import Judgement
from pytest_cpuperf.results.verdicts import Verdict


@dataclass(frozen=True)
class VerdictStyle:
    """One verdict's looks."""

    sign: str
    """In front of a line on the terminal."""
    word: str
    """In the HTML report."""
    markdown: str
    markup: tuple[str, ...]
    """The names of pytest's terminal markup."""
    css: str
    """The class of its elements in the HTML report."""
    sign_of_budget: str = "against"
    """Between a figure and the least it may be."""
    sign_of_limit: str = "against"
    """Between a figure and the most it may be."""

    @property
    def rank(self) -> int:
        """Its place in lists: what failed comes first, then what is inconclusive."""
        return _RANKS[self]


STYLES: dict[Verdict, VerdictStyle] = {
    Verdict.FAIL: VerdictStyle("FAIL", "lost", "❌ lost", ("red", "bold"), "fail", "<", ">"),
    Verdict.INCONCLUSIVE: VerdictStyle("?", "inconclusive", "❔ inconclusive", ("yellow",), "inconclusive"),
    Verdict.PASS: VerdictStyle("pass", "held", "✅ held", ("green",), "pass", "≥", "≤"),
    Verdict.NO_BUDGET: VerdictStyle("-", "measured", "no budget", (), "measured"),
    Verdict.NOT_MEASURED: VerdictStyle("-", "not measured", "not measured", (), "measured"),
}
"""In the order of lists."""
_RANKS = {style: rank for rank, style in enumerate(STYLES.values())}

JUDGEMENT_CSS: dict[Judgement, str] = {
    Judgement.CONFIRMED: "pass",
    Judgement.HARMFUL: "fail",
    Judgement.INCONCLUSIVE: "inconclusive",
}
"""The class of a claim's card in the HTML report, where it is not `measured`."""
