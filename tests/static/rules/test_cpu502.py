"""What shows that a model runs in half precision on the CPU."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.rules.base import RuleOptions


def verdicts(source, **options):
    rules = [r for r in all_rules(RuleOptions(**options)) if r.code == "CPU502"]
    data = ("import torch\n" + textwrap.dedent(source)).encode()
    quick, plain = (check_source(data, "a.py", rules, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.message for f in plain.findings], " ".join(s.because for s in plain.silenced)


RUN = "\nm.generate(x)\n"
AUTO = 'm = A.from_pretrained(p, torch_dtype=torch.float16, device_map="auto")\n'
HALF = "m = A.from_pretrained(p, torch_dtype=torch.float16)\n"
DONE = "is moved to the CPU when it is done"


@pytest.mark.parametrize(
    "source",
    [
        'm = AutoModel.from_pretrained(p, torch_dtype=torch.float16, device_map="cpu")' + RUN,
        'm = AutoModel.from_pretrained(p, dtype="bfloat16", device_map={"": "cpu"})' + RUN,
        'm = AutoModel.from_pretrained(p, torch_dtype=torch.bfloat16).to("cpu").eval()' + RUN,
        'm = Pipe.from_pretrained(p, torch_dtype=torch.float16).to(torch.device("cpu"))' + RUN,
        'm = Net.from_config(c).to("cpu", torch.float16)' + RUN,
        'm = load(p)\nm = m.half().to("cpu")' + RUN,
        'm = load(w.clone()).half().to("cpu")' + RUN,
        'm = data.net.half().to("cpu")' + RUN,
        "m = load(p).cpu().half()" + RUN,
        'device = "cpu"\nm = load(p)\nm.half()\nm.to(device)' + RUN,
        "m = load(p)\nif not torch.cuda.is_available():\n    m = m.bfloat16()" + RUN,
        "from torch import float16\nm = load(p).to('cpu').to(float16)" + RUN,
        'dtype = torch.float16\nm = AutoModel.from_pretrained(p, dtype=dtype, device_map="cpu")' + RUN,
        'pipeline("text-generation", p, torch_dtype=torch.float16, device="cpu")(x)',
        'm = SentenceTransformer(p, device="cpu", model_kwargs={"torch_dtype": "float16"})\nm.encode(x)',
        "def f(model, x):\n    with torch.cpu.amp.autocast():\n        return model(x)",
        "def f(model, x):\n    with torch.no_grad(), torch.autocast(device_type='cpu'):\n        return model(x)",
        "@torch.autocast('cpu')\ndef f(model, x):\n    return model(x)",
        AUTO + "m = m.to('cpu')" + RUN,
        AUTO + "m.generate(x)\nm.to('cpu')" + RUN,
        "class S:\n    def __init__(self):\n        self."
        + AUTO
        + "        self.m.cpu()\n    def f(self, x):\n        return self.m(x)",
        HALF + "b = prepare(m)\nm.to('cpu')" + RUN,
    ],
)
def test_reported(source):
    found, told = verdicts(source)
    assert len(found) == 1, told


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ('m = A.from_pretrained(p, dtype=torch.float16, device_map="cpu")\nm.save_pretrained(o)', "saved or converted"),
        ('m = A.from_pretrained(p, dtype=torch.float16, device_map="cpu")\nm = m.merge_and_unload()', "saved"),
        ('m = A.from_pretrained(p, dtype=torch.float16, device_map="cpu")', "nothing here shows"),
        ('m = A.from_pretrained(p, dtype=torch.float16, device_map="cpu")\nm.to("cuda")' + RUN, "another device"),
        ("m = A.from_pretrained(p, dtype=torch.float16).to(device or 'cpu')" + RUN, "no device is named"),
        (
            'd = torch.float16 if big else None\nm = A.from_pretrained(p, dtype=d, device_map="cpu")' + RUN,
            "chosen elsewhere, or is full",
        ),
        (AUTO + RUN + "m.to('cpu')\ndel m", DONE),
        ("m = load(p).cuda().half()" + RUN + "m.cpu()", DONE),
        ("m = load(p).to(device)\nm.half()" + RUN + "m.to('cpu')", DONE),
        ("def f(x):\n    " + AUTO + "    try:\n        return m(x)\n    finally:\n        m.cpu()", DONE),
        ("def f(x):\n    " + AUTO + "    y = evaluate(m, x)\n    m.cpu()", DONE),
        (AUTO + RUN + "def unload():\n    m.cpu()", DONE),
        (HALF + "m = accelerate.dispatch_model(m, device_map=d)" + RUN + "m.to('cpu')", "another device"),
        (HALF + "m, data = accelerator.prepare(m, data)" + RUN + "m.to('cpu')", "another device"),
        (HALF + "m.enable_model_cpu_offload()" + RUN + "m.to('cpu')", "another device"),
        ('m = load(p).half().to("cpu")\nm = m.float()' + RUN, "full precision, too"),
        ('x = torch.zeros(3, dtype=torch.float16, device="cpu")' + RUN, "no model"),
        ("y = x.half().cpu()\nprint(y.numpy())", "nothing here shows"),
        ("w = m.dequantize().T.detach().to('cpu', torch.float16)\nw(x)", "is a tensor"),
        ("m = net.weight.data.half().cpu()" + RUN, "is a tensor"),
        ("m = net.data.half().cpu()\nm(net.x.clone())", "is a tensor"),
        ("def m(x): pass\nm = load(p).half().cpu()", "nothing here shows"),
        ("with torch.autocast('cpu'):\n    y = a @ b", "no model is seen"),
        ("def test_f(model):\n    with torch.autocast('cpu'):\n        model(1)", "it is a test"),
        ("amx = torch.cpu._is_amx_tile_supported()\nm = load(p).half().cpu()" + RUN, "asks what the CPU can do"),
        ("def f(model):\n    with torch.autocast('cpu'):\n        model(1).backward()", "it trains"),
    ],
)
def test_silent_with_the_reason(source, reason):
    found, told = verdicts(source)
    assert found == []
    assert reason in told


@pytest.mark.parametrize(("options", "count"), [({}, 0), ({"transformers": "4"}, 0), ({"transformers": "5"}, 1)])
def test_loading_with_no_dtype_is_reported_where_it_is_asked_for(options, count):
    source = 'm = AutoModel.from_pretrained(p).to("cpu")\nt = AutoTokenizer.from_pretrained(p)' + RUN
    assert len(verdicts(source, loads_without_dtype=bool(options), **options)[0]) == count
