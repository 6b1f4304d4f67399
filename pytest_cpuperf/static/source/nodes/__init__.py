"""The nodes of a syntax tree as rules see them, named as libcst names them.

libcst keeps every blank and comma, and builds a tree at 0.8 MB/s; rules ask for none of that. These nodes hold what
they do ask for, and are made from the standard library's `ast`, ten times as fast (`from_ast`).
"""

from pytest_cpuperf.static.source.nodes.base import *  # noqa: F403
from pytest_cpuperf.static.source.nodes.expressions import *  # noqa: F403
from pytest_cpuperf.static.source.nodes.operations import *  # noqa: F403
from pytest_cpuperf.static.source.nodes.statements import *  # noqa: F403
