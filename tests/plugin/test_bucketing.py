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
        record = cpuperf.bucketing(model, tokenizer, texts, batch_size=16, max_length=256, at_least=1.5, max_seconds=15)
        assert record.worst_difference <= 1e-4
        planned, padded = record.arms
        assert (planned.arm, padded.arm) == ("planned", "padded")
        assert padded.padded_tokens == record.sequences * 256
        assert planned.waste < 0.6 < padded.waste
        assert record.estimate.low > 1.5
    """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*planned over padded: *× [[]*] ≥ 1.5× (budget)*", "*outputs equal within*"])


def test_outputs_that_move_with_padding_fail_whatever_the_speed(project):
    pytester = project(
        test_it=TINY
        + """
    def test_it(cpuperf, model, tokenizer, texts):
        def maskless(batch):
            return model(input_ids=batch["input_ids"])  # ignores attention_mask
        with torch.inference_mode():
            cpuperf.bucketing(maskless, tokenizer, texts, batch_size=16, max_length=64, at_least=1.0, max_seconds=10)
    """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["E *outputs differ by * this model's outputs move with padding*"])


def test_a_plan_that_cannot_pay_loses_its_budget_and_says_why(project):
    pytester = project(
        test_it=TINY
        + """
    def test_it(cpuperf, model, tokenizer):
        same = ["w1 w2 w3 w4 w5 w6 w7 w8"] * 64
        cpuperf.bucketing(
            model, tokenizer, same, batch_size=32, max_length=64, over="arrival", at_least=1.5, max_seconds=15
        )
    """
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--no-cpuperf-static")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *the plan saves 1.00× of the tokens the arrival arm runs*", "E *arm *batches*tokens*"]
    )


@pytest.mark.parametrize("flags", [(), ("--cpuperf",)])
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("model, tokenizer, []", "at least 2 texts, found 0"),
        ("model, tokenizer, 'text'", "texts takes a list of strings"),
        (
            "model, tokenizer, texts, over='paded'",
            "over takes one of padded, arrival, found 'paded' (did you mean 'padded'?)",
        ),
        ("model.train(), tokenizer, texts", "BertModel is in training mode*call .eval() first"),
        ("42, tokenizer, texts", "expected a torch module, an onnxruntime session or a callable, found int"),
        ("model, texts, texts", "tokenizer takes a transformers tokenizer, found list"),
        ("model, tokenizer, texts, batch_size=0", "batch_size takes a whole number of at least 1, found 0"),
    ],
)
def test_what_makes_no_experiment_is_refused_in_one_line(project, arguments, said, flags):
    pytester = project(
        test_it=TINY + f"\n    def test_it(cpuperf, model, tokenizer, texts):\n        cpuperf.bucketing({arguments})\n"
    )
    result = pytester.runpytest_inprocess("--no-cpuperf-static", *flags)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines([f"E *UsageError: *{said}*"])


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
