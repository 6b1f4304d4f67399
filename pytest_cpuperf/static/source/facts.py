"""What a whole file says, read from its text: imports, and the names it treats as modules.

These are asked for wherever a rule looks, so they must not depend on which functions of the file were parsed.
"""

from __future__ import annotations

import re
from functools import cached_property

from pytest_cpuperf.static.source.edits import LINE_END
from pytest_cpuperf.static.source.live import code_only
from pytest_cpuperf.static.source.prune import Outline

# These begin with a literal character, which the regular expression engine looks for quickly.
_FROM = re.compile(r"\n[ \t]*from[ \t]+([.\w]+)[ \t]+import[ \t]*(\([^)]*\)|(?:[^\n;\\]|\\\r?\n)+)")
_IMPORT = re.compile(r"\n[ \t]*import[ \t]+((?:[^\n;\\]|\\\r?\n)+)")
_NAMES_ONLY = re.compile(r"[\s\w,.()*\\]*")
_ALIAS = re.compile(r"([.\w]+)(?:\s+as\s+(\w+))?")
# The name before it is read backwards.
_EVAL = re.compile(r"\.[ \t]*eval[ \t]*\([ \t]*\)")
_MADE = re.compile(r"=[ \t]*([A-Za-z_][\w.]*)[ \t]*\(")
_TARGET_BEFORE = re.compile(r"([A-Za-z_]\w*)[ \t]*(?::[^=\n]+)?$")
_ANNOTATED = re.compile(r":[ \t]*([\w.]*(?:Module|PreTrainedModel))\b")
_NAME_BEFORE = re.compile(r"([A-Za-z_]\w*)\s*$")
_MODULE_TYPES = frozenset({"torch.nn.Module", "torch.jit.ScriptModule", "transformers.PreTrainedModel"})
_NOT_MODULES = frozenset({"torch.nn.Parameter", "torch.nn.Buffer"})
_LOADERS = frozenset({"torch.jit.load", "torch.hub.load", "torch.compile"})
_NOT_PRETRAINED = re.compile(r"(?i)tokenizer|processor|extractor|config")


class Facts:
    """Facts of one file; each is found when first asked for."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._made: dict[str, bool] = {}

    @cached_property
    def code(self) -> str:
        """The text with strings and comments blanked."""
        code = code_only(self.text)
        # Lines may end in a carriage return alone; here they end in what is looked for.
        return re.sub(r"\r(?!\n)", "\n", code) if "\r" in code else code

    @property
    def line_end(self) -> str:
        """How lines end in this file."""
        found = LINE_END.search(self.text)
        return found.group() if found else "\n"

    @cached_property
    def imports(self) -> dict[str, str]:
        """What each imported name stands for: `t` is `torch`, `ng` is `torch.no_grad`. All scopes together."""
        names: dict[str, str] = {}
        for match in self._plain_imports:
            for full, alias in _ALIAS.findall(match[1]):
                if alias:
                    names[alias] = full
                else:
                    names.setdefault(full.split(".")[0], full.split(".")[0])
        for match in self._from_imports:
            for name, alias in _ALIAS.findall(match[2]):
                names[alias or name] = f"{match[1]}.{name}"
        return names

    @cached_property
    def _plain_imports(self) -> tuple[re.Match[str], ...]:
        return tuple(_IMPORT.finditer("\n" + self.code))

    @cached_property
    def _from_imports(self) -> tuple[re.Match[str], ...]:
        return tuple(_FROM.finditer("\n" + self.code))

    def is_import(self, offset: int) -> bool:
        """Return whether an offset of the text lies in an import statement."""
        line_start = self.code.rfind("\n", 0, offset) + 1
        line_end = self.code.find("\n", offset)
        line = self.code[line_start : line_end if line_end >= 0 else len(self.code)]
        if not _NAMES_ONLY.fullmatch(line):
            return False
        matches = (*self._plain_imports, *self._from_imports)
        return any(m.start() < offset + 1 < m.end() for m in matches)  # a line end was put before the text

    @cached_property
    def outline(self) -> Outline:
        """The file's functions and classes."""
        return Outline(self.code)

    def full_name(self, name: str) -> str:
        """Return what a dotted name stands for through the imports: `t.no_grad` is `torch.no_grad`."""
        first, _, rest = name.partition(".")
        full = self.imports.get(first, first)
        return f"{full}.{rest}" if rest else full

    @cached_property
    def module_names(self) -> frozenset[str]:
        """Names, of variables and attributes, that this file itself treats as torch modules."""
        names = {self._name_before(m.start()) for m in _EVAL.finditer(self.code)} - {"self", "pd"}
        for match in _MADE.finditer(self.code):
            if self._makes_module(match[1]):
                line_start = self.code.rfind("\n", 0, match.start()) + 1
                target = _TARGET_BEFORE.search(self.code, line_start, match.start())
                names.add(target[1] if target else "")
        for match in _ANNOTATED.finditer(self.code):
            if self.full_name(match[1]) in _MODULE_TYPES:
                names.add(self._name_before(match.start()))
        names.discard("")
        return frozenset(names)

    def _name_before(self, offset: int) -> str:
        found = _NAME_BEFORE.search(self.code, max(0, offset - 100), offset)
        return found[1] if found else ""

    def _makes_module(self, made: str) -> bool:
        known = self._made.get(made)
        if known is None:
            known = self._made[made] = self._is_module_maker(made)
        return known

    def _is_module_maker(self, made: str) -> bool:
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
