"""Which batches are cut by position, and which of them are sorted before."""

import textwrap

import pytest

from pytest_cpuperf.static.file_check import check_source
from pytest_cpuperf.static.rules import all_rules

RULES = [r for r in all_rules() if r.code == "CPU204"]


def verdicts(source):
    data = textwrap.dedent(source).encode()
    quick, plain = (check_source(data, "a.py", RULES, thorough=thorough) for thorough in (False, True))
    assert quick.findings == plain.findings
    return [f.line for f in plain.findings], " ".join(s.because for s in plain.silenced)


@pytest.mark.parametrize(
    "loop",
    [
        "for i in range(0, n, 32): run(tokenizer(texts[i:i+32], padding=True))",
        "for i in trange(0, len(texts), 32): run(tokenizer(texts[i:i+32], padding='longest'))",
        "for b in range(n // 32): run(tokenizer(texts[b*32:(b+1)*32], padding=True))",
        "for b in range(n): run(tokenizer([p + t for t in texts[b*32:b*32+32]], padding=True))",
        "start = 0\nwhile start < n:\n    run(tokenizer(texts[start:start+32], padding=True)); start += 32",
        "while texts:\n    batch = texts[:32]; texts = texts[32:]; run(tokenizer(batch, padding=True))",
        "it = iter(texts)\nwhile b := list(islice(it, 32)): run(tokenizer(b, padding=True))",
        "for b in batched(texts, 32): run(tokenizer(list(b), padding=True))",
        "for b in more_itertools.chunked(texts, 32): run(tokenizer(text=b, padding=True))",
        "for b in tqdm(chunked(texts, 32)): run(tokenizer(b, padding=True))",
        "for n, b in enumerate(np.array_split(texts, 9)): run(tokenizer(b.tolist(), padding=True))",
        "for b in zip(*[iter(texts)] * 32): run(tokenizer(list(b), padding=True))",
        "[run(tokenizer(texts[i:i+32], padding=True)) for i in range(0, n, 32)]",
        "parts = [texts[i:i+32] for i in range(0, n, 32)]\nfor b in parts: run(tokenizer(b, padding=True))",
        "for b in cut(texts, 32): run(tokenizer(b, padding=True))",
        "for i in range(0, n, 32): run(pad_all(texts[i:i+32]))",
        "for i in range(0, n, 32): run(handed_on(texts[i:i+32]))",
        "for i in range(0, n, 32): run(tokenizer.pad({'input_ids': texts[i:i+32]}))",
        "for i in range(0, n, 32): run(tokenizer(rows[i:i+32]['text'], padding=True))",
    ],
)
def test_reported_however_the_batch_is_cut(loop):
    around = """
        def cut(items, n):
            for i in range(0, len(items), n):
                yield items[i:i+n]
        def pad_all(batch):
            return tokenizer([t.strip() for t in batch], padding=True)
        def handed_on(batch):
            return pad_all(batch)
        """
    lines, told = verdicts(textwrap.dedent(around) + "def embed(tokenizer, n):\n" + textwrap.indent(loop, "    "))
    assert len(lines) == 1, told


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("def f(texts):\n for i in range(0, 9, 3): tokenizer(sorted(texts)[i:i+3], padding=True)", "sorts or buckets"),
        ("def f(texts):\n for i in range(9): tokenizer(texts[i:i+1], padding=True)", "batches are of one"),
        ("def f(texts):\n for t in batched(texts, 1): tokenizer(t, padding=True)", "batches are of one"),
        ("def f(text):\n for i in range(0, 9, 3): tokenizer(text[i:i+3], padding=True)", "one long text"),
        ("def f(texts):\n for t in texts: tokenizer([t], padding=True)", "not cut from a list"),
        ("def f(texts):\n tokenizer(texts[:32], padding=True)", "not cut from a list"),
        ("def f(texts):\n tokenizer(texts, padding=True)", "it pads what f is given"),
        ("def train(texts):\n for i in range(0, 9, 3): tokenizer(texts[i:i+3], padding=True)", "trains"),
        (
            "class A:\n def f(self):\n  for i in range(0, 9, 3): tokenizer(self.rows[i:i+3], padding=True)\n"
            " def __init__(self, rows):\n  self.rows = sorted(rows)",
            "sorted where it is kept",
        ),
        (
            "def f(texts):\n for i in range(0, 9, 3): tokenizer(texts[i:i+3], padding=True)\n"
            "def g(texts): return f(sorted(texts, key=len))",
            "g, which calls it, sorts",
        ),
        (
            "def pad(batch): return tokenizer(sorted(batch), padding=True)\n"
            "def f(texts):\n for i in range(0, 9, 3): pad(texts[i:i+3])",
            "not cut from a list",
        ),
        (
            "from torch.utils.data import DataLoader\nDataLoader(tokens, 32, collate_fn=other)",
            "its collator is not seen",
        ),
        *(
            (
                "from torch.utils.data import DataLoader\n"
                "def pad(rows): return tokenizer([r[0] for r in rows], padding=True)\n"
                f"def learn(loader):\n for x in loader: model(**x).loss.backward()\n{source}",
                "which trains",
            )
            for source in (
                "def main(rows):\n loader = DataLoader(rows, 32, collate_fn=pad)\n learn(loader)\n",
                "def main(rows):\n learn(DataLoader(rows, 32, collate_fn=pad))\n",
                "def main(rows):\n loader = DataLoader(rows, 32, collate_fn=pad)\n trainer.fit(model, loader)\n",
            )
        ),
    ],
)
def test_silent_with_the_reason(source, reason):
    lines, told = verdicts(source)
    assert lines == []
    assert reason in told
