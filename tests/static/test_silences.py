"""Whatever has a rule's trigger is reported or has a reason."""

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

MENTIONS = [
    ("CPU101", "import torch\nguard = torch.no_grad\n"),
    ("CPU101", "import torch\nprint(torch.no_grad.__doc__)\n"),
    ("CPU101", "from somewhere import no_grad\nwith no_grad(): f()\n"),
    ("CPU201", 'padding = ["max_length", "longest"]\ntokenizer = 1\n'),
    ("CPU203", "def load(use_fast): return use_fast\n"),
    ("CPU204", "pad(texts, padding=True)\ntok = 1\n"),
    ("CPU302", "import onnxruntime\nprint(options.intra_op_num_threads)\n"),
    ("CPU303", "import onnxruntime as ort\ndef f(s: ort.InferenceSession): pass\n"),
    ("CPU304", "import onnxruntime\nprint(options.inter_op_num_threads)\n"),
    ("CPU305", "import onnxruntime as ort\nSESSION = ort.InferenceSession\n"),
    ("CPU306", "import onnxruntime\nprint(options.enable_profiling)\n"),
    ("CPU403", "import torch\nsetter = torch.set_num_threads\n"),
    ("CPU404", 'import torch, os\nprint(os.environ["OMP_NUM_THREADS"])\n'),
    ("CPU501", "import torch.ao.quantization as q\nprint(q.quantize_dynamic)\n"),
]


@pytest.mark.parametrize(("code", "source"), MENTIONS)
def test_a_mention_that_is_not_judged_has_a_reason(code, source):
    rules = [r for r in all_rules() if r.code == code]
    result = check_source(source.encode(), "a.py", rules, thorough=True)
    assert result.findings == ()
    assert result.silenced
    assert all(place.because for place in result.silenced)
