"""Projects that faults are injected into, and what must be whole in them whatever happened."""

import json

from pytest_cpuperf.results.document import read_results

SOURCE = """\
import torch


def run(model, x):
    with torch.no_grad():
        return model(x).tolist()
"""
FIXED = SOURCE.replace("no_grad", "inference_mode")
CONFIG = '[tool.cpuperf]\ncache-dir = "cache"\n'
MEASURED = """
def test_{name}(cpuperf):
    cpuperf.throughput(lambda: sum(range(999)), items=1, max_seconds=0.2)
"""
FIX = ["check", "--fix"]
MEASURE = ["pytest", "-q", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", "-p", "no:rerunfailures", "--cpuperf"]


def sources(folder, count):
    """Make a project whose sources all have a finding with a safe fix."""
    for number in range(count):
        file = folder / f"part{number % 3}" / f"m{number}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(SOURCE)
    (folder / "pyproject.toml").write_text(CONFIG)
    return folder


def measured(folder, *names):
    """Make a project with measured tests."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"test_{name}.py").write_text(MEASURED.format(name=name))
    (folder / "pyproject.toml").write_text(CONFIG)
    return folder


def states(folder):
    """Return the sources' contents; each is whole, old or new."""
    found = [file.read_text() for file in sorted(folder.glob("part*/*.py")) if file.is_file()]
    for text in found:
        assert text in (SOURCE, FIXED), f"torn: {text!r}"
    return found


def whole(folder):
    """Check that caches are JSON and results are documents, as far as there are any."""
    for file in folder.glob("cache/*.json"):
        json.loads(file.read_bytes())
    for file in [*folder.glob("*.json"), *folder.glob("cache/runs/*/*.json")]:
        read_results(file)


def left(*folders):
    """Return what of ours is left in some folders and below."""
    return sorted(str(f) for folder in folders for f in [*folder.rglob(".cpuperf-*"), *folder.glob("cpuperf-*")])
