"""The rules' own examples, as files."""

import textwrap

from pytest_cpuperf.static.rules.base import ConfigExample

FILES = {
    "python": "a.py",
    "properties": "config.properties",
    "yaml": "model-config.yaml",
    "dockerfile": "Dockerfile",
    "procfile": "Procfile",
}
"""What a file of each language is called."""


def language_of(rule, source):
    """Return the language that an example of a rule is in."""
    if isinstance(source, ConfigExample):
        return source.language
    return "python" if "python" in rule.languages else rule.languages[0]


def text_of(source):
    """Return an example as it stands in a file."""
    return textwrap.dedent(source).lstrip()
