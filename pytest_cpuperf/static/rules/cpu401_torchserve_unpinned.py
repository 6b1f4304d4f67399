"""CPU401 torchserve-unpinned."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator

from pytest_cpuperf.static.configs.properties import Entry, Properties
from pytest_cpuperf.static.rules.base import ConfigRule, Mend, Report, Silence
from pytest_cpuperf.static.source.patterns import pattern

# What `python -m torch.backends.xeon.run_cpu --help` lists in torch 2.13.
_LAUNCHER_FLAGS = frozenset(
    (
        *("--multi-instance", "--multi_instance", "-m", "--module", "--no-python", "--no_python", "--log-path"),
        *("--log_path", "--log-file-prefix", "--log_file_prefix", "--ninstances", "--ncores-per-instance"),
        *("--ncores_per_instance", "--rank", "--latency-mode", "--latency_mode", "--throughput-mode"),
        *("--throughput_mode", "--node-id", "--node_id", "--use-logical-core", "--use_logical_core"),
        *("--disable-numactl", "--disable_numactl", "--disable-taskset", "--disable_taskset", "--core-list"),
        *("--core_list", "--enable-tcmalloc", "--enable_tcmalloc", "--enable-jemalloc", "--enable_jemalloc"),
        *("--use-default-allocator", "--use_default_allocator", "--disable-iomp", "--disable_iomp"),
        *("--skip-cross-node-cores", "--skip_cross_node_cores"),
    )
)
_RESTRICTS = pattern(r"--(?:core[-_]list|ncores[-_]per[-_]instance|node[-_]id)\b")
_CORE_LIST = pattern(r"--core[-_]list\b")
_PER_INSTANCE = pattern(r"--ncores[-_]per[-_]instance\b")
_HELP = "cpu_launcher_enable=true"


class TorchserveUnpinned(ConfigRule):
    """A TorchServe config with no `cpu_launcher_enable=true`.

    ## What it does
    Reads TorchServe's `config.properties` (told by its keys, not its name) and finds those whose workers are not pinned
    to cores: the launcher is not enabled. Also finds launcher arguments without the launcher, flags the launcher does
    not know, `--core_list` without `--ncores_per_instance` (the launcher fails, TorchServe says so in its log alone and
    goes on without it), and `--use_logical_core` beside a restriction of cores.

    ## Why is this bad?
    Unpinned workers share all cores: each starts a thread for every core, they move between NUMA nodes, and memory is
    read from the far one, at about twice the time. On one node without hyperthreads there may be nothing to gain:
    `cpuperf prove` tells.

    ## Example
    ```properties
    inference_address=http://127.0.0.1:8080
    default_workers_per_model=4
    ```

    ## Use instead
    ```properties
    inference_address=http://127.0.0.1:8080
    default_workers_per_model=4
    cpu_launcher_enable=true
    ```

    ## Fix safety
    Unsafe: TorchServe starts its workers in another way, and falls back silently where the launcher is not available.

    ## When it stays silent
    Where `enable_envvars_config=true` lets `TS_CPU_LAUNCHER_ENABLE` decide, and where GPUs are asked for.

    ## References
    https://github.com/pytorch/serve/blob/master/docs/performance_guide.md
    """

    code = "CPU401"
    name = "torchserve-unpinned"
    heuristic = "core-pinning"
    languages = ("properties",)
    trigger = (b"_address", b"cpu_launcher", b"model_store", b"workers", b"load_models")
    VALID = (
        """
        inference_address = http://127.0.0.1:8080
        cpu_launcher_enable : TRUE
        """,
        """
        inference_address=http://127.0.0.1:8080
        load_models=all
        enable_envvars_config=true
        """,
        """
        inference_address=http://127.0.0.1:8080
        load_models=all
        number_of_gpu=2
        """,
        """
        server.port=8080
        spring.application.name=shop
        models=none
        """,
    )
    INVALID = (
        """
        # a comment
        # <-
        inference_address=http://127.0.0.1:8080
        default_workers_per_model=2
        """,
        """
        load_models=all
        model_store=/models
        # <-
        cpu_launcher_args=--ncores_per_instance 4
        """,
        """
        cpu_launcher_enable=true
        # <-
        cpu_launcher_args=--use_logical_cores
        """,
        """
        cpu_launcher_enable=true
        # <-
        cpu_launcher_args=--use_logical_core \\
            --core_list 0,1 --ncores_per_instance 1
        """,
        """
        cpu_launcher_enable=true
        # <-
        cpu_launcher_args=--core_list 0,1
        """,
    )
    FIXED = (
        (
            "load_models=all\nmodel_store=/m\n",
            "load_models=all\ncpu_launcher_enable=true\nmodel_store=/m\n",
        ),
        ("cpu_launcher_enable=false\nload_models=all\n", "cpu_launcher_enable=true\nload_models=all\n"),
    )

    def check_properties(self, config: Properties) -> Iterator[Report | Silence]:
        """Judge the launcher's settings."""
        arguments = config.get("cpu_launcher_args")
        enable = config.get("cpu_launcher_enable")
        if not config.is_true("cpu_launcher_enable"):
            place = (enable or arguments).place if (enable or arguments) else config.first  # type: ignore[union-attr]
            because = self._silent_because(config)
            if because:
                yield Silence(place, because)
            elif arguments is not None:
                yield Report(
                    arguments.place,
                    "cpu_launcher_args does nothing while the launcher is off",
                    _HELP,
                    _enabling(config, enable),
                )
            else:
                yield Report(place, "workers are not pinned to cores", _HELP, _enabling(config, enable))
            return
        if arguments is not None:
            yield from self._arguments(arguments)

    def _silent_because(self, config: Properties) -> str | None:
        if config.is_true("enable_envvars_config") and config.get("cpu_launcher_enable") is None:
            return "TS_CPU_LAUNCHER_ENABLE may decide"
        gpus = config.value("number_of_gpu")
        if gpus and gpus.isdecimal() and int(gpus) > 0:
            return "the config asks for GPUs"
        return None

    def _arguments(self, arguments: Entry) -> Iterator[Report]:
        try:
            flags = [w.split("=")[0] for w in shlex.split(arguments.value) if w.startswith("-")]
        except ValueError:
            flags = []
        unknown = [f for f in flags if f not in _LAUNCHER_FLAGS]
        if unknown:
            from pytest_cpuperf.errors import nearest

            yield Report(
                arguments.place,
                f"the launcher has no flag {unknown[0]}{nearest(unknown[0], _LAUNCHER_FLAGS)}",
                "python -m torch.backends.xeon.run_cpu --help lists them",
            )
        elif _CORE_LIST.search(arguments.value) and not _PER_INSTANCE.search(arguments.value):
            yield Report(
                arguments.place,
                "--core_list without --ncores_per_instance makes the launcher fail, and workers go on unpinned",
                "add --ncores_per_instance, or leave --core_list out",
            )
        elif re.search(r"--use[-_]logical[-_]core\b", arguments.value) and _RESTRICTS.search(arguments.value):
            yield Report(
                arguments.place,
                "--use_logical_core puts workers on hyperthreads of cores that the config restricts",
                "leave --use_logical_core out: one thread per physical core",
            )


def _enabling(config: Properties, enable: Entry | None) -> Mend:
    if enable is not None:
        return Mend("unsafe", "enable the launcher", ((enable.place, "cpu_launcher_enable=true"),))
    first = config.first
    after = first._replace(line=first.end_line, column=first.end_column)
    return Mend("unsafe", "enable the launcher", ((after, f"{config.line_end}cpu_launcher_enable=true"),))
