"""libcst, imported when it is first used: its import costs more than checking a hundred files that need none of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import libcst as cst
else:

    class _Lazy:
        """Stands for the package and hands out its names."""

        def __getattr__(self, name: str) -> Any:
            import libcst

            value = getattr(libcst, name)
            setattr(self, name, value)
            return value

    cst = _Lazy()

__all__ = ["cst"]
