"""What is asked of another process that runs this run's tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass(frozen=True)
class Wanted:
    """What the other side runs: this run's tests, called in the same way."""

    known: frozenset[str]
    """Ids of all tests of this side, those not chosen among them."""
    paths: tuple[str, ...]
    """What pytest was given to collect, ids among them."""
    root: Path
    invocation: Path
    arguments: tuple[str, ...]
    """Further arguments that the other side is called with too."""
    options: Mapping[str, Any]
    """Values of the options that the project's own conftest files declare."""

    @classmethod
    def of(cls, config: pytest.Config, known: frozenset[str]) -> Wanted:
        """Return what a run with this configuration wants, `known` being the ids of all its tests."""
        arguments, values = _passed_on(config)
        return cls(
            known=known,
            paths=tuple(config.args),
            root=config.rootpath.resolve(),
            invocation=config.invocation_params.dir.resolve(),
            arguments=arguments,
            options=values,
        )


def _passed_on(config: pytest.Config) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Return what of this run's command line another run of the same tests needs: arguments, and the values of
    the options that the project's conftest files declare.
    """
    option = config.option
    arguments = [part for name in option.plugins for part in ("-p", name)]
    arguments += [part for text in option.override_ini or () for part in ("-o", text)]
    arguments += [f"--import-mode={option.importmode}"]
    arguments += ["-n0"] if config.pluginmanager.has_plugin("xdist") else []
    # Options that are added outside any group are those of conftest files; pytest has no other way to ask for them.
    own = getattr(getattr(config._parser, "_anonymous", None), "options", ())
    values = {o.dest: getattr(option, o.dest, None) for o in own}
    return tuple(arguments), {n: v for n, v in values.items() if isinstance(v, (str, int, float, list, type(None)))}
