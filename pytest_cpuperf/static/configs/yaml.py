"""TorchServe's model configuration: the YAML file packed with a model, with the place of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.spans import Span
from pytest_cpuperf.static.source.text import SourceError, first_line

if TYPE_CHECKING:
    import yaml

# Keys of TorchServe's model configuration; a file that has none of them is some other YAML.
_OWN_KEYS = frozenset(
    (
        *("minWorkers", "maxWorkers", "batchSize", "maxBatchDelay", "responseTimeout", "startupTimeout"),
        *("parallelType", "deviceType", "deviceIds", "torchrun", "useJobTicket", "jobQueueSize"),
        *("asyncCommunication", "continuousBatching"),
    )
)
_NEEDED_KEYS = 2
_STANDARD_TAG = "tag:yaml.org,2002:"
_UNFINISHED = object()
_TOP_LEVEL_KEY = pattern(r"""(?m)^["']?(\w+)["']?[ \t]*:""")


class YamlConfig:
    """The top-level keys of a YAML mapping, the first document's that has TorchServe's.

    Other tools' YAML (templates, tags of their own, several documents) is no error: it has none of the keys. Raises
    SourceError where a text has the keys of a model configuration and is no YAML.
    """

    def __init__(self, text: str) -> None:
        import yaml  # only for the few YAML files that may be TorchServe's

        self.values: dict[str, Any] = {}
        self.places: dict[str, Span] = {}
        if len(_OWN_KEYS & set(_TOP_LEVEL_KEY.findall(text))) < _NEEDED_KEYS and not text.lstrip().startswith("{"):
            return
        try:
            for node in yaml.compose_all(text, Loader=yaml.SafeLoader):
                self._read(node)
                if self.is_torchserve:
                    return
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise SourceError(f"not valid YAML: {error.problem}", line) from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise SourceError(f"not valid YAML: {first_line(error)}") from None

    def _read(self, node: yaml.Node | None) -> None:
        import yaml

        self.values, self.places = {}, {}
        known: dict[int, Any] = {}
        if not isinstance(node, yaml.MappingNode):
            return
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                self.values[key.value] = _plain(value, known)
                self.places[key.value] = _span(key, value)

    @property
    def is_torchserve(self) -> bool:
        """Whether the keys are those of a model configuration."""
        return len(_OWN_KEYS & self.values.keys()) >= _NEEDED_KEYS

    @property
    def first(self) -> Span:
        """The place of the first key."""
        return next(iter(self.places.values()), Span(1, 1, 1, 1))


def _span(key: yaml.ScalarNode, value: yaml.Node) -> Span:
    start, end = key.start_mark, value.end_mark
    if value.end_mark.column == 0:  # a block ends at the start of the line after it
        end = key.end_mark
    return Span(start.line + 1, start.column + 1, end.line + 1, end.column + 1)


def _plain(node: yaml.Node, known: dict[int, Any]) -> Any:
    """Return a node's value; what has a tag of another tool is its text.

    `known` are the values so far, by node: aliases of aliases would be made again and again. Raises
    yaml.constructor.ConstructorError where a tag asks for an object of a language (`!!python/object/apply:…`), and
    SourceError for a value that its tag does not take, or that holds itself.
    """
    if id(node) not in known:
        known[id(node)] = _UNFINISHED
        known[id(node)] = _made(node, known)
    if known[id(node)] is _UNFINISHED:
        raise SourceError("not valid YAML: a value holds itself", node.start_mark.line + 1)
    return known[id(node)]


def _made(node: yaml.Node, known: dict[int, Any]) -> Any:
    import yaml

    if node.tag.startswith(_STANDARD_TAG) and node.tag not in yaml.SafeLoader.yaml_constructors:
        yaml.SafeLoader("").construct_undefined(node)
    if isinstance(node, yaml.MappingNode):
        return {k.value: _plain(v, known) for k, v in node.value if isinstance(k, yaml.ScalarNode)}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(v, known) for v in node.value]
    if node.tag.startswith(_STANDARD_TAG):
        try:
            return yaml.SafeLoader("").construct_object(node)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception:  # `!!int ""` is an IndexError
            kind = node.tag.removeprefix(_STANDARD_TAG)
            line = node.start_mark.line + 1
            raise SourceError(
                f"not valid YAML: expected a value for !!{kind}, found {node.value[:40]!r}", line
            ) from None
    return node.value
