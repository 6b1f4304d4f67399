"""What a whole file says, read from its text: imports, and the names it treats as modules.

These are asked for wherever a rule looks, so they must not depend on which functions of the file were parsed.
"""

from __future__ import annotations

import re
from functools import cached_property

from pytest_cpuperf.static.live import code_only

_FROM = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n;\\]|\\\r?\n)+)", re.MULTILINE)
_IMPORT = re.compile(r"^[ \t]*import[ \t]+((?:[^\n;\\]|\\\r?\n)+)", re.MULTILINE)
_ALIAS = re.compile(r"([.\w]+)(?:\s+as\s+(\w+))?")
_EVAL = re.compile(r"([A-Za-z_]\w*)\s*\.\s*eval\s*\(\s*\)")
_MADE = re.compile(r"([A-Za-z_]\w*)\s*(?::[^=\n]+)?=\s*([A-Za-z_][\w.]*)\s*\(")
_ANNOTATED = re.compile(r"([A-Za-z_]\w*)\s*:\s*([A-Za-z_][\w.]*)")
_MODULE_TYPES = frozenset({"torch.nn.Module", "torch.jit.ScriptModule", "transformers.PreTrainedModel"})
_NOT_MODULES = frozenset({"torch.nn.Parameter", "torch.nn.Buffer"})
_LOADERS = frozenset({"torch.jit.load", "torch.hub.load", "torch.compile"})
_NOT_PRETRAINED = re.compile(r"(?i)tokenizer|processor|extractor|config")


class Facts:
    """Facts of one file; each is found when first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text

    @cached_property
    def code(self) -> str:
        """The text with strings and comments blanked."""
        return code_only(self.text)

    @cached_property
    def imports(self) -> dict[str, str]:
        """What each imported name stands for: `t` is `torch`, `ng` is `torch.no_grad`. All scopes together."""
        names: dict[str, str] = {}
        for match in _IMPORT.finditer(self.code):
            for full, alias in _ALIAS.findall(match[1]):
                if alias:
                    names[alias] = full
                else:
                    names.setdefault(full.split(".")[0], full.split(".")[0])
        for match in _FROM.finditer(self.code):
            for name, alias in _ALIAS.findall(match[2]):
                names[alias or name] = f"{match[1]}.{name}"
        return names

    @cached_property
    def import_spans(self) -> tuple[tuple[int, int], ...]:
        """Where in the text the import statements stand, as (start, end) offsets."""
        return tuple(m.span() for pattern in (_IMPORT, _FROM) for m in pattern.finditer(self.code))

    def is_import(self, offset: int) -> bool:
        """Return whether an offset lies in an import statement."""
        return any(start <= offset < end for start, end in self.import_spans)

    def full_name(self, name: str) -> str:
        """Return what a dotted name stands for through the imports: `t.no_grad` is `torch.no_grad`."""
        first, _, rest = name.partition(".")
        full = self.imports.get(first, first)
        return f"{full}.{rest}" if rest else full

    @cached_property
    def module_names(self) -> frozenset[str]:
        """Names, of variables and attributes, that this file itself treats as torch modules."""
        names = {n for n in _EVAL.findall(self.code) if n not in ("self", "pd")}
        for name, made in _MADE.findall(self.code):
            if self._makes_module(made):
                names.add(name)
        for name, kind in _ANNOTATED.findall(self.code):
            if self.full_name(kind) in _MODULE_TYPES:
                names.add(name)
        return frozenset(names)

    def _makes_module(self, made: str) -> bool:
        if made.endswith(".from_pretrained"):
            return not _NOT_PRETRAINED.search(made)
        full = self.full_name(made)
        if full in _LOADERS:
            return True
        last = full.rsplit(".", 1)[-1]
        return (
            full.startswith("torch.nn.")
            and last[:1].isupper()
            and full not in _NOT_MODULES
            and not last.endswith("Loss")
        )

    def made_from(self, name: str) -> str:
        """Return what a variable or attribute is first bound to in this file, as one line of text; '' for nothing."""
        match = re.search(rf"(?<!\w){re.escape(name)}\s*(?::[^=\n]+)?=(?!=)\s*([^\n]+)", self.code)
        return self.text[match.start(1) : match.end(1)] if match else ""
