"""Records of runs that were never run, for tests of what is made from records."""

from pytest_cpuperf.results.evidence import Evidence
from pytest_cpuperf.results.findings import CheckResult, Finding
from pytest_cpuperf.results.machine import Machine
from pytest_cpuperf.results.measurements import ArmResult, BucketingMeasurement, Pair, ThroughputMeasurement
from pytest_cpuperf.results.placement import Placement
from pytest_cpuperf.results.remarks import Stated
from pytest_cpuperf.results.run import RunResult, TestRecord
from pytest_cpuperf.results.units import Unit
from pytest_cpuperf.results.verdicts import Budget, Estimate, Verdict

EVIDENCE = Evidence(wall_seconds=1.0, own_seconds=1.9, quantities={"waited_seconds": 0.01})
MACHINE = Machine(
    fingerprint="f",
    processor="EPYC",
    instruction_set=("avx2",),
    cpus=(0, 1, 2, 3),
    cores=2,
    numa_nodes={"0": (0, 1), "1": (2, 3)},
    quota=1.5,
    usable=1,
    system="Linux",
    python="3.12",
    versions={"torch": "2.13.0", "onnxruntime": None},
)
PLACEMENT = Placement((0, 1), "node 0", pinned=True)
FINDING = Finding(
    path="service/handler.py", line=41, column=14, end_line=41, end_column=20, rule="CPU201", name="constant-padding",
    heuristic="constant-padding", message="m", help="h", fingerprint="1",
)  # fmt: skip


def estimate(point, low, high, unit="×", pairs=24):
    return Estimate(point, low, high, Unit(unit), 0.95, pairs)


ARM = ArmResult(
    arm="planned", batches=5, padded_tokens=1100, real_tokens=1000, sequences_per_second=231.0,
    real_tokens_per_second=9000.0, throughput=estimate(231.0, 225.0, 240.0, "sequences/s"),
    speedup=estimate(11.4, 11.0, 11.9), p50_seconds=0.02, p95_seconds=0.05, peak_memory_bytes=3_000_000,
)  # fmt: skip


def pair(number, seconds, baseline=1.0):
    return Pair(seconds, baseline, True, EVIDENCE, number=number)


def measurement(verdict="pass", label="encode", pairs=24, reason="", notes=(), **fields):
    """Return a throughput, or a bucketing experiment where there are arms."""
    kind = BucketingMeasurement if "arms" in fields else ThroughputMeasurement
    known = {
        "estimate": estimate(100.0, 97.0, 103.0, "texts/s", pairs),
        "budget": Budget(90.0, Unit("texts/s")),
        "seconds_spent": 3.0,
        "evidence": EVIDENCE,
        "pairs": tuple(pair(2 * n, 0.01 + 0.0001 * (n % 5)) for n in range(pairs)),
        "set_aside": tuple(pair(2 * n + 1, 0.02) for n in range(pairs // 4)),
    }
    return kind(
        label=label,
        verdict=Verdict(verdict),
        reason=Stated(reason) if reason else None,
        notes=tuple(map(Stated, notes)),
        **(known | fields),
    )


def run_result(tests=1, name="tests/test_speed.py::test_encode", findings=(), **fields):
    """Return a run of some tests with a measurement each."""
    return RunResult(
        version="0.1.0",
        machine=MACHINE,
        static=CheckResult(7, tuple(findings)),
        tests=tuple(
            TestRecord(f"{name}{n or ''}", "passed", PLACEMENT, (measurement(**fields),), line=3) for n in range(tests)
        ),
    )
