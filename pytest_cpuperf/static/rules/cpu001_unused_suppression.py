"""CPU001 unused-suppression."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import CommentRule, Mend, Report
from pytest_cpuperf.static.source.text import Words
from pytest_cpuperf.static.suppressions import Suppressions, names_our_codes


class UnusedSuppression(CommentRule):
    """A suppression that silences nothing.

    ## What it does
    Finds `# noqa: CPU101`, `# cpuperf: ignore[CPU101]` and `# cpuperf: ignore-file[CPU101]` where the rule has nothing
    to report.

    ## Why is this bad?
    It hides the finding that may come one day, and tells readers of a problem that is not there.

    ## Example
    ```python
    total = 1 + 1  # noqa: CPU101
    ```

    ## Use instead
    ```python
    total = 1 + 1
    ```

    ## Fix safety
    Safe: the comment, or the code in it, is removed, and what else the comment says stays one. There is no fix where
    words follow the codes, which another tool may take as its own once they stand first.

    ## When it stays silent
    For blanket `# noqa`, for codes of other tools, and for rules that were not checked in this run.
    """

    code = "CPU001"
    name = "unused-suppression"
    heuristic = None
    trigger = (b"noqa", b"cpuperf:")
    VALID = (
        """
        import torch
        def f(model, x):
            with torch.no_grad():  # noqa: CPU101
                return model(x).item()
        """,
        """
        x = 1  # noqa
        y = 2  # noqa: E501
        z = "# noqa: CPU101"
        """,
    )
    INVALID = (
        """
        x = 1  # noqa: CPU101 # <-
        y = 2  # cpuperf: ignore[CPU201] once needed # <-
        """,
    )
    FIXED = (
        ("x = 1  # noqa: CPU101\n", "x = 1\n"),
        ("x = 1  # noqa: E501, CPU101\n", "x = 1  # noqa: E501\n"),
        ("# cpuperf: ignore-file[CPU101]\nx = 1\n", "\nx = 1\n"),
        ("x = 10  # noqa: CPU101 - 5\n", "x = 10  # - 5\n"),
        ("x = 1  # noqa: CPU101 # type: ignore\n", "x = 1  # type: ignore\n"),
        ("x = 1  # seen # noqa: CPU101\n", "x = 1  # seen\n"),
    )

    def may_concern(self, words: Words) -> bool:
        """A comment must name one of our codes."""
        return (b"noqa" in words or b"cpuperf:" in words) and names_our_codes(words.data)

    def check(self, suppressions: Suppressions, used: set[tuple[int, str]], checked: set[str]) -> Iterator[Report]:
        """Report each suppression that silenced nothing of the rules that were checked.

        Codes of other tools, blanket `# noqa` and rules that were not checked are left alone: they may silence
        something we do not see.
        """
        for index, comment in enumerate(suppressions.all):
            if self.code in comment.codes:
                continue
            idle = [c for c in comment.codes if c in checked and (index, c) not in used]
            if not idle:
                continue
            what = ", ".join(idle)
            edit = comment.without(idle)
            fix = Mend("safe", f"remove the suppression of {what}", (edit,)) if edit is not None else None
            yield Report(comment.place, f"this suppression of {what} silences nothing", "remove it", fix)
