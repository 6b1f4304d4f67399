"""`cpuperf.bucketing` on small real transformers: what it measures, and what it refuses."""

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

TINY = """
    import random, pytest, torch
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast
    from tokenizers import Tokenizer, models, pre_tokenizers

    @pytest.fixture
    def tokenizer():
        words = {w: i for i, w in enumerate(["[PAD]", "[UNK]", *(f"w{i}" for i in range(98))])}
        core = Tokenizer(models.WordLevel(words, unk_token="[UNK]"))
        core.pre_tokenizer = pre_tokenizers.Whitespace()
        return PreTrainedTokenizerFast(tokenizer_object=core, pad_token="[PAD]", unk_token="[UNK]")

    @pytest.fixture
    def model():
        torch.manual_seed(0)
        config = BertConfig(vocab_size=100, hidden_size=64, num_hidden_layers=2, num_attention_heads=2,
                            intermediate_size=128, max_position_embeddings=256)
        return BertModel(config).eval()

    @pytest.fixture
    def texts():
        rng = random.Random(1)
        return [" ".join(f"w{rng.randrange(98)}" for _ in range(rng.choice([4, 6, 9, 40]))) for _ in range(64)]
"""


def test_planned_beats_constant_padding_with_equal_outputs_in_order(project):
    pytester = project(
        test_it=TINY
        + """
    def test_it(cpuperf, model, tokenizer, texts):
        record = cpuperf.bucketing(model, tokenizer, texts, batch_size=16, max_length=256, at_least=1.5, max_seconds=30)
        assert record.worst_difference <= 1e-4
        planned, padded, arrival, alone, by_length = record.arms
        assert [a.arm for a in record.arms] == ["planned", "padded", "arrival", "one by one", "sorted"]
        assert alone.waste == 0 and alone.batches == record.sequences
        assert padded.speedup is None and all(a.speedup.low > 1 for a in (planned, arrival, by_length))
        assert 0 < planned.p50_seconds <= planned.p95_seconds
        assert record.ceiling == padded.padded_tokens / padded.real_tokens
        assert record.share_of_ceiling == record.estimate.point / record.ceiling
        assert padded.padded_tokens == record.sequences * 256
        assert padded.waste > 0.9
        assert planned.padded_tokens < padded.padded_tokens / 2
        assert record.estimate.low > 1.5
    """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*planned over padded: *× [[]*] ≥ 1.5× (budget)*", "*outputs equal within*"])
    assert "of what leaving out padding can gain" in " ".join(str(result.stdout).split())


def test_outputs_that_move_with_padding_fail_whatever_the_speed_and_the_reason_is_named(project):
    pytester = project(
        test_it=TINY
        + """
    def measure(cpuperf, *arguments):
        with torch.inference_mode():
            cpuperf.bucketing(*arguments, batch_size=16, max_length=64, at_least=1.0, max_seconds=4)

    def test_mask(cpuperf, model, tokenizer, texts):
        measure(cpuperf, lambda batch: model(input_ids=batch["input_ids"]), tokenizer, texts)

    def test_left(cpuperf, model, tokenizer, texts):
        tokenizer.padding_side = "left"
        measure(cpuperf, model, tokenizer, texts)

    @pytest.mark.filterwarnings("ignore")
    def test_int8(cpuperf, model, tokenizer, texts):
        int8 = torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}, dtype=torch.qint8).eval()
        measure(cpuperf, int8, tokenizer, texts)

    def test_shape(cpuperf, tokenizer, texts):
        measure(cpuperf, lambda batch: batch["input_ids"] * 1.0, tokenizer, texts)
    """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(failed=4)
    differ = "E *outputs differ by * between * batches and each text on its own*worst text *: 'w*"
    result.stdout.fnmatch_lines(
        [
            f"{differ}it ignores attention_mask*",
            f"{differ}its tokenizer pads on the left*",
            f"{differ}it is quantised to INT8 with scales taken from each batch*",
            "E *UsageError: expected the same shape for a sequence in a batch and on its own, found (*",
        ]
    )


def test_a_plan_that_cannot_pay_loses_its_budget_and_says_why(project):
    pytester = project(
        test_it=TINY
        + """
    def test_it(cpuperf, model, tokenizer):
        same = ["w1 w2 w3 w4 w5 w6 w7 w8"] * 64
        cpuperf.bucketing(
            model, tokenizer, same, batch_size=32, max_length=64, over="arrival", at_least=1.5, max_seconds=8
        )
    """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E *the data: 100% of the tokens of the arrival arm are real*",
            "E *bucketing does not pay here*",
            "E *arm *padding*",
        ]
    )


@pytest.mark.slow
def test_rounds_that_time_a_part_of_the_batches_stand_for_the_whole_job(project):
    pytester = project(
        test_it=TINY
        + """
    def test_it(cpuperf, tokenizer):
        from time import perf_counter

        def model(batch):
            ids = batch["input_ids"]
            end = perf_counter() + 1e-4 * ids.numel()  # what a batch takes is known
            while perf_counter() < end:
                pass
            return ids.float().unsqueeze(-1)

        rng = random.Random(2)
        texts = [" ".join(f"w{rng.randrange(98)}" for _ in range(rng.choice([4, 6, 9, 9, 200]))) for _ in range(1500)]
        record = cpuperf.bucketing(model, tokenizer, texts, batch_size=16, max_length=256, max_seconds=30)
        planned, padded = record.arms[:2]
        assert padded.timed_batches < padded.batches, "the whole takes 38 s"
        truth = padded.padded_tokens / planned.padded_tokens
        assert 0.95 * record.estimate.low <= truth <= 1.05 * record.estimate.high
        assert record.estimate.high / record.estimate.low < 1.3
    """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(passed=1)


@pytest.mark.slow
def test_what_else_can_be_measured_and_texts_that_are_cut_are_told(project):
    pytester = project(
        test_it=TINY
        + """
    from transformers import pipeline

    @pytest.fixture(params=["ids", "ids without a tokenizer", "lengths", "pipeline", "callable"])
    def arguments(request, model, tokenizer, texts):
        ids = tokenizer(texts)["input_ids"]
        return {
            "ids": (model, tokenizer, ids),
            "ids without a tokenizer": (model, None, ids),
            "lengths": (model, None, [len(i) for i in ids]),
            "pipeline": (pipeline("feature-extraction", model=model, tokenizer=tokenizer), None, texts),
            "callable": (lambda batch: model(**batch), tokenizer, texts),
        }[request.param]

    def test_it(cpuperf, arguments):
        with torch.inference_mode():
            record = cpuperf.bucketing(*arguments, batch_size=16, max_length=128, at_least=1.2, max_seconds=5)
        assert record.arms[0].real_tokens > 0

    def test_cut(cpuperf, model, tokenizer, texts):
        longer = [*texts, "w1 " * 100]
        record = cpuperf.bucketing(model, tokenizer, longer, batch_size=16, max_length=64, max_seconds=5)
        assert [str(n) for n in record.notes] == ["1 of 65 texts are longer than max_length=64 and were cut"]
    """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(passed=6)


REFUSED = [
    ("model, tokenizer, []", "at least 2 texts, found 0"),
    ("model, tokenizer, 'text'", "texts takes a list of strings"),
    ("model, tokenizer, ['a', 3]", "texts takes a list of strings, of lists of token ids, or of lengths"),
    ("model, tokenizer, ['', *texts]", "text 0 has no tokens: leave it out"),
    ("model, None, texts", "texts need a tokenizer: give one, or token ids, or lengths"),
    ("model, None, [3, 0]", "lengths take whole numbers of at least 1, found 0"),
    ("model, None, [[3], []]", "lists of token ids take at least one id each, found an empty one"),
    ("model, tokenizer, texts, max_length=512", "this model takes at most 256 tokens, found max_length=512"),
    (
        "model, tokenizer, texts, over='paded'",
        "over takes one of padded, arrival, found 'paded' (did you mean 'padded'?)",
    ),
    ("model.train(), tokenizer, texts", "BertModel is in training mode*call .eval() first"),
    ("42, tokenizer, texts", "expected a torch module, an onnxruntime session or a callable, found int"),
    ("model, texts, texts", "tokenizer takes a transformers tokenizer, found list"),
    ("model, tokenizer, texts, batch_size=0", "batch_size takes a whole number of at least 1, found 0"),
    ("lambda batch: 5, tokenizer, texts", "expected the model to return an array*found int"),
]


@pytest.mark.parametrize("flags", [(), ("--cpuperf",)], ids=["not measuring", "measuring"])
def test_what_makes_no_experiment_is_refused_in_one_line(project, flags):
    tests = [f"    def test_{n}(cpuperf, model, tokenizer, texts):\n        cpuperf.bucketing({arguments})\n"
             for n, (arguments, _) in enumerate(REFUSED)]  # fmt: skip
    pytester = project(test_it=TINY + "\n" + "\n".join(tests))
    result = pytester.runpytest_inprocess("--no-cpuperf-static", "--tb=short", *flags)
    result.assert_outcomes(failed=len(REFUSED))
    result.stdout.fnmatch_lines([f"E *UsageError: *{said}*" for _, said in REFUSED])


def test_without_the_flag_it_encodes_one_batch(project):
    pytester = project(
        test_it=TINY
        + """
    def test_it(cpuperf, model, tokenizer, texts):
        seen = []
        hook = model.register_forward_pre_hook(lambda *a: seen.append(1))
        record = cpuperf.bucketing(model, tokenizer, texts, batch_size=16, at_least=1e9)
        assert len(seen) == 1 and not record.measured
    """
    )
    pytester.runpytest_inprocess().assert_outcomes(passed=1)
