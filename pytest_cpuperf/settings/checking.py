"""Values as users give them, checked and laid over settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_cpuperf.errors import UsageError, nearest, shown
from pytest_cpuperf.settings.kinds import WrongValueError
from pytest_cpuperf.settings.table import SETTINGS, Settings


def with_values(settings: Settings, values: Mapping[str, Any], where: str) -> Settings:
    """Return settings with `values` (keys as a user writes them) laid over them.

    Raises UsageError on an unknown key or a wrong type; `where` names the file or the flag in the message.
    """
    checked = {}
    for key, value in values.items():
        if key not in SETTINGS:
            hint = "known keys: " + ", ".join(sorted(SETTINGS))
            raise UsageError(f"{where}: unknown key {key!r}{nearest(key, SETTINGS)}", hint)
        try:
            checked[key.replace("-", "_")] = SETTINGS[key].kind.check(value)
        except WrongValueError as wrong:
            meant = nearest(value, wrong.choices) if isinstance(value, str) else ""
            raise UsageError(f"{where}: {key}{wrong.part} takes {wrong}, found {shown(wrong.found)}{meant}") from None
    return settings._replace(**checked)
