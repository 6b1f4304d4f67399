"""Compose files: services with the commands that start them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pytest_cpuperf.static.configs.launches import SERVERS, Launch, commands, shell_words
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.spans import Span

if TYPE_CHECKING:
    import yaml

_SERVICES = pattern(r"(?m)^services[ \t]*:")


def may_start_servers(text: str) -> bool:
    """Return whether a YAML text may be a compose file that starts a server known here."""
    return _SERVICES.search(text) is not None and any(server in text for server in SERVERS)


def launches(text: str) -> Iterator[Launch]:
    """Yield the servers that a compose file's services start; none where it is no YAML that can be read.

    A service whose environment comes from a file is left out: what that file sets is not known.
    """
    import yaml

    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return  # templates and other tools' YAML
    services = _children(_child(root, "services"))
    for service in services:
        if _child(service, "env_file") is not None:
            continue
        environment = _environment(_child(service, "environment"))
        # What a service takes over from elsewhere in the file stands there.
        shares = len(services) == 1 or _child(service, "<<") is not None or _child(service, "extends") is not None
        own = None if shares else text[service.start_mark.index : service.end_mark.index]
        for key in ("entrypoint", "command"):
            node = _child(service, key)
            if node is None:
                continue
            words = _words(node)
            place = Span(
                node.start_mark.line + 1, node.start_mark.column + 1, node.end_mark.line + 1, node.end_mark.column + 1
            )
            for command in commands(words):
                yield Launch(place, command, environment, own, _context(_child(service, "build")))


def _context(build: yaml.Node | None) -> str | None:
    """Return the folder that a service is built from: `build: ./api`, or its `context`."""
    node = _child(build, "context") or build
    folder = node.value if node is not None and isinstance(node.value, str) else None
    return folder if folder and "$" not in folder and ":" not in folder else None


def _child(node: Any, key: str) -> yaml.Node | None:
    import yaml

    if not isinstance(node, yaml.MappingNode):
        return None
    return next((v for k, v in node.value if isinstance(k, yaml.ScalarNode) and k.value == key), None)


def _children(node: Any) -> list[yaml.Node]:
    import yaml

    return [v for _, v in node.value] if isinstance(node, yaml.MappingNode) else []


def _words(node: yaml.Node) -> list[str]:
    import yaml

    if isinstance(node, yaml.SequenceNode):
        words = [str(n.value) for n in node.value if isinstance(n, yaml.ScalarNode)]
        if len(words) > 2 and words[0].rpartition("/")[2] in ("sh", "bash", "ash") and "c" in words[1]:
            return shell_words(words[2])
        return words
    return shell_words(str(node.value)) if isinstance(node, yaml.ScalarNode) else []


def _environment(node: yaml.Node | None) -> dict[str, str]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        return {k.value: str(v.value) for k, v in node.value if isinstance(k, yaml.ScalarNode)}
    if isinstance(node, yaml.SequenceNode):
        pairs = [str(n.value).partition("=") for n in node.value if isinstance(n, yaml.ScalarNode)]
        return {name: value for name, _, value in pairs}
    return {}
