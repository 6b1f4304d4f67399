"""What throughput is held against."""

import subprocess
import sys

import pytest

CHILD = """
import sys
{load}
from pytest_cpuperf.measure.reference import reference_kernel
kernel, name = reference_kernel(2)
kernel()
print(name)
print(reference_kernel(4)[1] == name, "numpy" in sys.modules)
"""


@pytest.mark.parametrize(
    ("load", "name"),
    [
        ("import torch", "torch 5 float32 layers of 1024 on 512 tokens"),
        ("import numpy", "numpy 5 float32 layers of 1024 on 512 tokens"),
    ],
)
def test_with_a_framework_it_is_a_models_layers_sized_for_the_placement(load, name):
    pytest.importorskip(load.split()[1])
    assert tell(load) == [name, "False True"]


def test_without_one_it_is_hashing_and_loads_none():
    assert tell("") == ["sha256 of 1 MiB", "True False"]


def tell(load):
    done = subprocess.run([sys.executable, "-c", CHILD.format(load=load)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
