"""Write the tables of settings in README.md from the table they are declared in. Run it after that has changed."""

import re
from pathlib import Path

from pytest_cpuperf.settings.table import SETTINGS, Setting, Settings

README = Path(__file__).parent.parent / "README.md"


def default_of(setting: Setting) -> str:
    """Return a setting's default as TOML writes it; nothing where there is none."""
    value = Settings._field_defaults[setting.key.replace("-", "_")]
    if value is None:
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        return f"`{list(value)}`".replace("'", '"')
    return f'`"{value}"`' if isinstance(value, str) else f"`{value}`"


def pytest_table() -> str:
    """Return pytest's options with the keys that `[tool.cpuperf]` and, after `cpuperf_`, ini files have for them."""
    rows = ["| option | key | default | does |", "|---|---|---|---|"]
    for setting in SETTINGS.values():
        if setting.pytest:
            flag = f"{setting.flag} {setting.kind.metavar or ''}".strip()
            rows.append(f"| `{flag}` | `{setting.key}` | {default_of(setting)} | {setting.help} |")
    return "\n".join(rows)


def toml_table() -> str:
    """Return the keys that `[tool.cpuperf]` alone has."""
    rows = ["| key | default | is |", "|---|---|---|"]
    rows += [f"| `{s.key}` | {default_of(s)} | {s.help} |" for s in SETTINGS.values() if not s.pytest]
    return "\n".join(rows)


def with_tables(text: str) -> str:
    """Return the README's text with both tables as they are now."""
    for name, table in (("pytest", pytest_table()), ("toml", toml_table())):
        between = re.compile(rf"(<!-- settings: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        text, count = between.subn(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)
        if count != 1:
            raise SystemExit(f"README.md has lost its place for the table of settings: <!-- settings: {name} -->")
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
