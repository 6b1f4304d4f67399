"""CPU402 torchserve-workers-unset."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pytest_cpuperf.static.configs.properties import Properties
from pytest_cpuperf.static.configs.yaml import YamlConfig
from pytest_cpuperf.static.rules.base import ConfigRule, Report, Silence, YamlExample


class TorchserveWorkersUnset(ConfigRule):
    """Neither a default nor a per-model worker count.

    ## What it does
    Finds TorchServe configs that say nothing of how many workers a model gets.

    ## Why is this bad?
    The default is one worker per CPU of the machine, each with its own copy of the model and its own thread pool: in a
    container with a quota that is many times too many.

    ## Example
    ```properties
    inference_address=http://127.0.0.1:8080
    load_models=all
    ```

    ## Use instead
    ```properties
    inference_address=http://127.0.0.1:8080
    load_models=all
    default_workers_per_model=2
    ```

    ## In a model's own configuration
    In YAML, `minWorkers` and `maxWorkers` are looked for. Processes that torchrun starts for `parallelType` get
    OMP_NUM_THREADS=1 (TorchServe 0.12, `ModelConfig.TorchRun`), which is reported too.

    ## When it stays silent
    Where `models` gives `minWorkers` or `maxWorkers`, where environment variables may, or where GPUs are asked for. It
    is off by default: models registered later may bring their own count.

    ## References
    https://github.com/pytorch/serve/blob/master/docs/configuration.md
    """

    code = "CPU402"
    name = "torchserve-workers-unset"
    heuristic = "core-pinning"
    on_by_default = False
    languages = ("properties", "yaml")
    trigger = (
        *(b"_address", b"cpu_launcher", b"model_store", b"load_models"),
        *(b"maxBatchDelay", b"responseTimeout", b"parallelType", b"deviceType", b"torchrun", b"batchSize"),
    )
    VALID = (
        """
        load_models=all
        model_store=/models
        default_workers_per_model=2
        """,
        """
        load_models=all
        models={"minilm": {"1.0": {"minWorkers": 1, "maxWorkers": 2}}}
        """,
        YamlExample(
            """
        minWorkers: 1
        maxWorkers: 2
        batchSize: 8
        """
        ),
        YamlExample(
            """
        name: something else
        batchSize: 8
        """
        ),
        YamlExample(
            """
        maxWorkers: 1
        deviceType: cpu
        parallelType: tp
        torchrun:
          nproc-per-node: 2
          OMP_NUMBER_THREADS: 8
        """
        ),
    )
    INVALID = (
        """
        # <-
        load_models=all
        model_store=/models
        """,
        YamlExample(
            """
        minWorkers: 1
        deviceType: cpu
        parallelType: tp
        # <-
        torchrun:
          nproc-per-node: 2
        """
        ),
        YamlExample(
            """
        # <-
        batchSize: 8
        maxBatchDelay: 50
        """
        ),
    )

    def check_properties(self, config: Properties) -> Iterator[Report | Silence]:
        """Judge the worker counts."""
        if config.get("default_workers_per_model") is not None:
            return
        gpus = config.value("number_of_gpu")
        if config.is_true("enable_envvars_config"):
            yield Silence(config.first, "TS_DEFAULT_WORKERS_PER_MODEL may decide")
        elif gpus and gpus.isdecimal() and int(gpus) > 0:
            yield Silence(config.first, "the config asks for GPUs")
        elif _models_say(config.value("models")):
            yield Silence(config.first, "the models say how many")
        else:
            yield Report(
                config.first,
                "each model gets one worker per CPU of the machine",
                "default_workers_per_model, or minWorkers and maxWorkers of each model",
            )

    def check_yaml(self, config: YamlConfig) -> Iterator[Report | Silence]:
        """Judge the worker counts of a model's own configuration."""
        device, parallel = config.values.get("deviceType"), config.values.get("parallelType")
        torchrun = config.values.get("torchrun")
        if device == "cpu" and parallel and isinstance(torchrun, dict) and "OMP_NUMBER_THREADS" not in torchrun:
            yield Report(
                config.places["torchrun"],
                "torchrun's processes compute with one thread each: OMP_NUMBER_THREADS is 1 unless it is set",
                "torchrun.OMP_NUMBER_THREADS: the cores of a node divided by nproc-per-node",
            )
        if {"minWorkers", "maxWorkers"} & config.values.keys():
            return
        if parallel or device == "gpu":
            yield Silence(config.first, "workers follow from the parallel setting or the GPUs")
            return
        yield Report(config.first, "the model gets one worker per CPU of the machine", "minWorkers and maxWorkers")


def _models_say(text: str | None) -> bool:
    if not text:
        return False
    try:
        models = json.loads(text)
        return all(
            {"minWorkers", "maxWorkers", "defaultVersion"} & version.keys()
            for m in models.values()
            for version in m.values()
        )
    except (ValueError, AttributeError, RecursionError):
        return "Workers" in text
