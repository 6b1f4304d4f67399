"""CPU203 slow-tokenizer."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.rules.base import Mend, PythonRule, Report, Silence
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import last_name


class SlowTokenizer(PythonRule):
    """`use_fast=False`.

    ## What it does
    Finds `from_pretrained(…, use_fast=False)`.

    ## Why is this bad?
    The Rust tokenizers are many times faster than the Python ones, and work on lists in parallel.

    ## Example
    ```python
    tokenizer = AutoTokenizer.from_pretrained(name, use_fast=False)
    ```

    ## Use instead
    ```python
    tokenizer = AutoTokenizer.from_pretrained(name)
    ```

    ## Fix safety
    Unsafe: some models have no fast tokenizer, and a few tokenize differently.

    ## When it stays silent
    Where the value is not the literal `False`, for image processors, and under transformers 5, in which slow and fast
    tokenizers are one and `use_fast` does nothing. Which version the code runs under is what is installed beside
    cpuperf, unless `transformers = "4"` or `"5"` in the configuration says it.

    ## References
    https://huggingface.co/docs/transformers/fast_tokenizers
    """

    code = "CPU203"
    name = "slow-tokenizer"
    heuristic = "constant-padding"
    on_by_default = False
    trigger = (b"use_fast",)
    live = r"use_fast\b"
    otherwise = "it is no argument of a call that loads a tokenizer"
    VALID = (
        """
        from transformers import AutoImageProcessor, AutoTokenizer
        def load(name, fast):
            AutoImageProcessor.from_pretrained(name, use_fast=False)
            return AutoTokenizer.from_pretrained(name, use_fast=fast)
        """,
    )
    INVALID = (
        """
        from transformers import AutoTokenizer
        tokenizer = AutoTokenizer.from_pretrained("m", use_fast=False)  # <-
        """,
    )
    FIXED = (
        (
            "t = AutoTokenizer.from_pretrained(n, use_fast=False)\n",
            "t = AutoTokenizer.from_pretrained(n, use_fast=True)\n",
        ),
    )

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge each `use_fast=False`."""
        for call in module.nodes(cst.Call):
            for arg in call.args:
                if arg.keyword is None or arg.keyword.value != "use_fast":
                    continue
                made = module.code(call.func).lower()
                if not (isinstance(arg.value, cst.Name) and arg.value.value == "False"):
                    yield Silence(arg, "whether the tokenizer is fast is chosen at run time")
                elif last_name(call.func) != "from_pretrained" or "image" in made or "feature" in made:
                    yield Silence(arg, "no tokenizer is loaded here")
                elif (self.options.transformers_major or 0) >= 5:
                    yield Silence(arg, "slow and fast tokenizers are one in transformers 5: use_fast does nothing")
                else:
                    mend = Mend("unsafe", "load the fast tokenizer", ((arg.value, "True"),))
                    yield Report(arg, "the slow tokenizer is loaded", "leave use_fast out", mend)
