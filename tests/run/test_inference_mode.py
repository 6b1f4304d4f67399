"""`cpuperf.inference_mode`: grad modes, measured around the same forward."""

import json

import pytest

pytest.importorskip("torch")

# A module that does more Python work in some grad modes than in others.
MODULE = """
    import torch

    class Module(torch.nn.Module):
        def __init__(self, costs):
            super().__init__()
            self.costs = costs
            self.eval()
        def mode(self):
            if torch.is_inference_mode_enabled():
                return "inference"
            return "grad" if torch.is_grad_enabled() else "no_grad"
        def forward(self, x, scale=1.0):
            sum(range(self.costs[self.mode()]))
            return x * scale
    """


def test_a_mode_that_pays_passes_its_budget_and_one_that_costs_fails(project):
    pytester = project(
        module=MODULE,
        test_it="""
        import torch
        from module import Module
        X = torch.ones(3)
        def test_pays(cpuperf):
            module = Module({"inference": 20_000, "no_grad": 40_000, "grad": 60_000})
            record = cpuperf.inference_mode(module, {"x": X, "scale": 2.0}, at_least=1.5, max_seconds=20)
            if cpuperf.measuring:
                assert 1.8 < record.estimate.point < 2.2
                beside, decided = cpuperf.records
                assert decided == record
                assert (beside.label, beside.baseline) == ("no_grad over grad", "grad")
                assert 1.35 < beside.estimate.point < 1.65
        def test_costs(cpuperf):
            module = Module({"inference": 40_000, "no_grad": 20_000, "grad": 20_000})
            cpuperf.inference_mode(module, (X, 3.0), at_least=0.95, max_seconds=20)
        """,
    )
    result = pytester.runpytest_subprocess("--cpuperf", "--cpuperf-json=results.json")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["E *BudgetFailed: inference_mode over no_grad: 0.* < 0.95× (budget)"])
    measured = json.loads((pytester.path / "results.json").read_text())["tests"][0]["measurements"]
    assert [m["kind"] for m in measured] == ["compare", "compare"]
    pytester.runpytest_subprocess().assert_outcomes(passed=2)


def test_outputs_are_compared_before_anything_is_timed(project):
    pytester = project(
        module=MODULE,
        test_it="""
        import torch
        from module import Module
        SAME = {"inference": 10, "no_grad": 10, "grad": 10}
        class Differs(Module):
            def forward(self, x):
                return x + torch.is_inference_mode_enabled()
        class Raises(Module):
            def __init__(self):
                super().__init__(SAME)
                self.register_buffer("kept", torch.ones(3))
            def forward(self, x):
                if torch.is_inference_mode_enabled():
                    raise RuntimeError("Inference tensors cannot be saved for backward")
                return x
        class Varies(Module):
            def forward(self, x):
                return torch.rand(3)
        def test_differs(cpuperf): cpuperf.inference_mode(Differs(SAME), torch.ones(3))
        def test_raises(cpuperf): cpuperf.inference_mode(Raises(), torch.ones(3))
        def test_varies(cpuperf): cpuperf.inference_mode(Varies(SAME), torch.ones(3))
        """,
    )
    result = pytester.runpytest_subprocess("--cpuperf")
    result.assert_outcomes(failed=2, skipped=1)
    said = " ".join(result.stdout.str().split())
    assert "outputs differ by 1 under no_grad and inference_mode" in said
    assert "the model raises an error in inference mode: Inference tensors cannot be saved for backward" in said
    assert "from one call to the next" in said


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("len", "expected a torch module, found builtin_function_or_method"),
        ("torch.nn.Dropout()", "Dropout is in training mode, where outputs are random: call .eval() first"),
    ],
)
def test_what_runs_in_no_grad_mode_is_one_line(project, model, said):
    pytester = project(test_it=f"import torch\ndef test_it(cpuperf):\n    cpuperf.inference_mode({model}, [1])\n")
    pytester.runpytest_subprocess().stdout.fnmatch_lines([f"E *UsageError: {said}*"])
