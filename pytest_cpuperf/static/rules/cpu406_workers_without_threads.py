"""CPU406 workers-without-threads."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_cpuperf.static.configs.launches import MANY, Launch, LaunchFile
from pytest_cpuperf.static.rules.base import (
    ConfigRule,
    DockerfileExample,
    ProcfileExample,
    PythonRule,
    Report,
    Silence,
    YamlExample,
)
from pytest_cpuperf.static.source import nodes as cst
from pytest_cpuperf.static.source.facts import Facts
from pytest_cpuperf.static.source.module import Module
from pytest_cpuperf.static.source.names import argument, dotted, last_name
from pytest_cpuperf.static.source.neighbours import LIBRARIES, SETS_THREADS
from pytest_cpuperf.static.source.patterns import pattern
from pytest_cpuperf.static.source.text import Words

_HELP = "share the CPUs out: OMP_NUM_THREADS = CPUs / workers, or torch.set_num_threads in each worker"
_THREADS = pattern(SETS_THREADS)
_LIBRARY = pattern(LIBRARIES.replace("[-_]", "_"))
_GUNICORN_SETTINGS = pattern(
    r"(?m)^(bind|worker_class|timeout|keepalive|preload_app|accesslog|errorlog|loglevel|threads|graceful_timeout"
    r"|worker_connections|max_requests|wsgi_app)\s*="
)
# A script may have a timeout of its own; these are gunicorn's alone.
_GUNICORN_ALONE = frozenset({"worker_class", "preload_app", "worker_connections", "wsgi_app", "graceful_timeout"})
_COUNTING_WORDS = (b"-w", b"WEB_CONCURRENCY")
_BINDS = pattern(r"(?m)^bind\s*=\s*f?[\"'][^\"'\n]*:")
_COUNTS_CPUS = pattern(r"\bcpu_count\b|\bnproc\b|\bsched_getaffinity\b")


class WorkersWithoutThreads(PythonRule, ConfigRule):
    """More than one worker, and no thread setting.

    ## What it does
    Finds servers that are started with several workers (gunicorn, uvicorn, hypercorn, granian) in a Dockerfile, a
    Procfile, a compose file, a `gunicorn.conf.py` or `uvicorn.run(…)`, where the file, its imports or the requirements
    beside it name a library that runs models, and nothing there sets threads.

    ## Why is this bad?
    Each worker's torch or onnxruntime starts as many threads as there are CPUs. Four workers on eight CPUs make 32
    threads that wait for one another. (faster-whisper starts four threads and llama-cpp-python half as many as there
    are CPUs, in each worker.) Measured on 24 CPUs: two workers of 16 threads were slowest, 8 threads in all best;
    throughput grows with workers that have their own share of the cores.

    ## Example
    ```dockerfile
    CMD ["gunicorn", "-w", "4", "-k", "uvicorn.workers.UvicornWorker", "app:app"]
    ```

    ## Use instead
    ```dockerfile
    ENV OMP_NUM_THREADS=2
    CMD ["gunicorn", "-w", "4", "-k", "uvicorn.workers.UvicornWorker", "app:app"]
    ```

    ## When it stays silent
    Where threads are set in the file or in a source beside it (`OMP_NUM_THREADS`, `torch.set_num_threads`,
    `intra_op_num_threads`, `cpu_threads`, `n_threads`, `taskset`, `numactl`, `cpuset`), where the number of workers is
    computed or is a variable's that has no default here, for services of a compose file with an `env_file`, where the
    file asks for a GPU, and where nothing shows that the workers run models (of a compose file, each service alone;
    a task queue's modules, which import celery and the like, run in workers of their own).

    ## References
    https://huggingface.co/blog/bert-cpu-scaling-part-1
    https://github.com/benoitc/gunicorn/issues/2873
    """

    code = "CPU406"
    name = "workers-without-threads"
    heuristic = "core-pinning"
    languages = ("dockerfile", "procfile", "yaml", "python")
    trigger = (b"gunicorn", b"uvicorn", b"hypercorn", b"granian", b"fastapi run", b"workers")
    live = r"uvicorn\s*\.\s*run\b|(?m:^workers\s*=)|\brun\s*\([^)]*\bworkers\s*="

    def may_concern(self, words: Words) -> bool:
        """A file that is no text of ours names a server or its settings."""
        if b"\0" in words:
            return True  # UTF-16: what it names is told by its text
        if b"workers" in words:
            return True
        # The fewest words that most files hold none of; gunicorn, uvicorn and hypercorn share one.
        names_server = b"corn" in words or b"granian" in words or b"fastapi run" in words
        return names_server and any(word in words for word in _COUNTING_WORDS) and super().may_concern(words)

    VALID = (
        DockerfileExample(
            """
            FROM python:3.11-slim
            RUN pip install torch fastapi gunicorn
            ENV OMP_NUM_THREADS=2
            CMD ["gunicorn", "-w", "4", "app:app"]
            """
        ),
        DockerfileExample(
            """
            FROM python:3.11-slim
            RUN pip install flask gunicorn
            CMD gunicorn --workers 4 app:app
            """
        ),
        """
        import torch, uvicorn
        torch.set_num_threads(2)
        uvicorn.run("app:app", workers=4)
        """,
        """
        import uvicorn
        uvicorn.run("app:app", workers=1)
        """,
    )
    INVALID = (
        DockerfileExample(
            """
            FROM python:3.11-slim
            RUN pip install torch fastapi gunicorn
            # <-
            CMD ["gunicorn", "-w", "4", "-k", "uvicorn.workers.UvicornWorker", "app:app"]
            """
        ),
        DockerfileExample(
            """
            FROM python:3.11-slim
            ENV HF_HOME=/models WEB_CONCURRENCY=3
            # <-
            ENTRYPOINT exec uvicorn app:app \\
                --host 0.0.0.0
            """
        ),
        ProcfileExample(
            """
            # <-
            web: HF_HOME=/models gunicorn --workers=${WEB_WORKERS:-4} app:app
            """
        ),
        YamlExample(
            """
            services:
              api:
                image: registry/transformers-api
                # <-
                command: uvicorn app:app --workers 4
            """
        ),
        """
        import torch, uvicorn
        def main():
            uvicorn.run("app:app", host="0.0.0.0", workers=4)  # <-
        """,
        """
        import multiprocessing
        import sentence_transformers
        bind = "0.0.0.0:8000"
        workers = multiprocessing.cpu_count() * 2 + 1  # <-
        """,
    )

    def check_launches(self, file: LaunchFile) -> Iterator[Report | Silence]:
        """Judge each server that the file starts."""
        for launch in file.launches:
            because = _silent_because(file, launch)
            if because:
                yield Silence(launch.place, because)
            else:
                yield Report(launch.place, _message(launch.server, launch.workers), _HELP)

    def check(self, module: Module) -> Iterator[Report | Silence]:
        """Judge `uvicorn.run(…)` and the settings of gunicorn."""
        for call in module.nodes(cst.Call):
            if last_name(call.func) != "run" or not (module.qualified(call.func) or "").startswith(
                ("uvicorn.", "granian.", "hypercorn.")
            ):
                continue
            value = argument(call, "workers")
            reload = argument(call, "reload")
            reloads = reload is not None and dotted(reload) == "True"
            yield _judge(module, call, "uvicorn", None if reloads else value)
        if not _is_of_gunicorn(module.facts):
            return
        for assign in module.nodes(cst.Assign):
            if module.function_of(assign) is None and dotted(assign.targets[0].target) == "workers":
                yield _judge(module, assign, "gunicorn", assign.value)


def _is_of_gunicorn(facts: Facts) -> bool:
    """Return whether a file holds gunicorn's settings: one that only it has, an address, or two of others."""
    settings = set(_GUNICORN_SETTINGS.findall(facts.code))
    return len(settings) > 1 or bool(settings & _GUNICORN_ALONE) or _BINDS.search(facts.text) is not None


def _imports_models(facts: Facts) -> bool:
    """Return whether a file imports a library that runs models, and more of it than tokenizers."""
    return any(_LIBRARY.fullmatch(f.partition(".")[0]) and "Tokenizer" not in f for f in facts.imports.values())


def _judge(module: Module, node: cst.CSTNode, server: str, value: cst.BaseExpression | None) -> Report | Silence:
    workers = _count(module, value)
    facts = module.facts
    if workers is None:
        return Silence(node, "the number of workers comes from elsewhere")
    if workers in (0, 1):
        return Silence(node, "it has one worker")
    if _THREADS.search(facts.text):
        return Silence(node, "the file sets threads")
    if not _imports_models(facts) and facts.neighbours.names_library is None:
        return Silence(node, "nothing shows that the workers run models")
    if facts.neighbours.sets_threads:
        return Silence(node, f"threads are set in {facts.neighbours.sets_threads}")
    return Report(node, _message(server, workers), _HELP)


def _count(module: Module, value: cst.BaseExpression | None) -> int | None:
    if value is None or dotted(value) == "None":
        return 1
    if isinstance(value, cst.Integer):
        return int(value.evaluated_value)
    if isinstance(value, cst.SimpleString):
        return int(value.evaluated_value) if str(value.evaluated_value).isdecimal() else None
    if isinstance(value, cst.Call):
        name, given = last_name(value.func), [_count(module, a.value) for a in value.args]
        if name == "int" and len(given) == 1:
            return given[0]
        if name in ("get", "getenv") and len(given) == 2:
            return given[1]  # what holds where nobody sets the variable
        if name == "min" and (numbers := [n for n in given if n is not None and n != MANY]):
            return min(numbers)
    return MANY if _COUNTS_CPUS.search(module.code(value)) else None


def _silent_because(file: LaunchFile, launch: Launch) -> str | None:
    workers = launch.workers
    if workers is None:
        return "the number of workers comes from elsewhere"
    if workers in (0, 1):
        return "it has one worker"
    if file.is_for_gpu(launch):
        return "the file asks for a GPU"
    if file.names_models(launch) is None:
        return "nothing shows that the workers run models"
    threads = file.sets_threads(launch)
    if threads:
        return f"threads are set: {threads}"
    return None


def _message(server: str, workers: int | None) -> str:
    many = "as many workers as CPUs" if workers == MANY else f"{workers} workers"
    return f"{server} starts {many}, and nothing shares the CPUs out among their threads"
