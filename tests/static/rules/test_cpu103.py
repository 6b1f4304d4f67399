"""Modules that run in training mode, and what puts them into eval mode."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU103"]
AROUND = """
import timm, torch, torchvision
from torch import nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.drop = nn.Dropout(0.1)
class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(2, 2)
"""


def verdicts(body):
    data = (AROUND + textwrap.dedent(body) + "\nwith torch.no_grad():\n    y = m(x)\n").encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.message for f in plain.findings], " ".join(s.because for s in plain.silenced)


@pytest.mark.parametrize(
    "body",
    [
        "m = Net()",
        "m = Net().to('cpu')",
        "m = torch.load('m.pt')",
        "m = timm.create_model('resnet18')",
        "m = torchvision.models.resnet18(weights=None)",
        "from other import Model\nm = Model()\nm.load_state_dict(torch.load('m.pt'))",
        "m = Net()\nother = Net().eval()",
        "m = Net()\ndef work(m, x): return m(x)",
        "m = nn.Sequential(nn.Linear(2, 2), nn.Dropout())\nm.load_state_dict(torch.load('m.pt'))",
        "from other import N\nm = N(dropout=0.1)\nm.load_state_dict(state)",
    ],
)
def test_reported_where_nothing_puts_it_into_eval_mode(body):
    found, told = verdicts(body)
    assert len(found) == 1, told


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("m = Net().eval()", "put into eval mode"),
        ("m = torchvision.models.ResNet18_Weights.DEFAULT.transforms()", ""),
        ("from torchvision.models import feature_extraction as f\nm = f.create_feature_extractor(net, ['a'])", ""),
        ("m = Net()\nm.eval()", "put into eval mode"),
        ("m = Net()\nm.train(False)", "put into eval mode"),
        ("m = Net()\nm = m.cpu()\nm.eval()", "put into eval mode"),
        ("m = Plain()", "nothing that eval mode changes"),
        ("m = Net()\nloss(m).backward()", "the file trains"),
        ("m = Net()\nprepare(m)", "handed to prepare"),
        ("m = Net()\nfor each in (m, m): each.eval()", "gone over with others"),
        ("class Outer(nn.Module):\n    def __init__(self):\n        self.m = Net()", "part of another module"),
        ("m = Net()\nm.to('cpu').eval()", "put into eval mode"),
        ("class Head(other.Base):\n    def __init__(self):\n        self.m = Net()", "part of another module"),
        ("m = torch.jit.load('m.ptt')\nm.load_state_dict(state)", ""),
        ("m = nn.Linear(2, 2)\nm.load_state_dict(torch.load('m.pt'))", "layers have nothing"),
        ("from other import Net as N\nm = N(dropout=0.)\nm.load_state_dict(state)", "built with no dropout"),
        (
            "class Own(Net):\n    def forward(self, x):\n        self.drop.eval()\n        return x\nm = Own()",
            "its class puts itself",
        ),
        ("def test_it(x):\n    m = Net()\n    return m(x)", "it is a test"),
        ("m = Net()\nProcess(target=work, args=(m,)).start()", "handed to others in a tuple"),
        ("class Outer(nn.Module):\n    def f(self): pass\nnet = Net()\nm = 3", "nothing here runs it"),
    ],
)
def test_silent_with_the_reason(body, reason):
    found, told = verdicts(body)
    assert found == []
    assert reason in told


def test_a_method_of_the_same_name_is_not_a_call():
    found, told = verdicts("m = Net()\nm = 3\nclass Rows:\n    def net(self): pass\nnet = Net()")
    assert found == ["m runs in training mode: nothing puts it into eval mode"]
    assert "nothing here runs it" in told
