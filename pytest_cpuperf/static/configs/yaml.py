"""TorchServe's model configuration: the YAML file packed with a model, with the place of every key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_cpuperf.static.source.spans import Span
from pytest_cpuperf.static.source.text import SourceError

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


class YamlConfig:
    """The top-level keys of a YAML mapping. Raises SourceError where the file is no YAML."""

    def __init__(self, text: str) -> None:
        import yaml  # only for the few YAML files that may be TorchServe's

        try:
            node = yaml.compose(text, Loader=yaml.SafeLoader)
            self.values: dict[str, Any] = {}
            self.places: dict[str, Span] = {}
            if isinstance(node, yaml.MappingNode):
                constructor = yaml.SafeLoader("")
                for key, value in node.value:
                    if isinstance(key, yaml.ScalarNode):
                        self.values[key.value] = constructor.construct_object(value, deep=True)
                        self.places[key.value] = _span(key, value)
        except yaml.MarkedYAMLError as error:
            line = error.problem_mark.line + 1 if error.problem_mark else None
            raise SourceError(f"not valid YAML: {error.problem}", line) from None
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise SourceError(f"not valid YAML: {str(error).splitlines()[0]}") from None

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
