"""Loading what `cpuperf prove` was given: a transformers folder, an ONNX file, or a function that returns a model."""

from __future__ import annotations

import importlib
import os
import sys
from pathlib import Path
from typing import Any

from pytest_cpuperf.errors import UsageError
from pytest_cpuperf.proofs.encoders import require


def load_model(name: str, threads: int) -> tuple[Any, Any]:
    """Return (model, tokenizer) for a folder, a `.onnx` file or `module:factory`.

    onnxruntime gets so many `threads`; torch takes those of the process. Nothing is downloaded. Raises UsageError where
    nothing can be loaded.
    """
    path = Path(name)
    if path.is_dir():
        return _transformers(path)
    if path.suffix == ".onnx":
        return _onnx(path, threads)
    module, colon, factory = name.partition(":")
    if colon and factory:
        return _made(module, factory)
    raise UsageError(
        f"expected a transformers folder, an .onnx file or module:factory, found {name!r}",
        "a folder holds config.json and the weights; a factory returns a model, or a model and its tokenizer",
    )


def _transformers(folder: Path) -> tuple[Any, Any]:
    require("transformers", "cpuperf prove of a folder", "transformers")
    _stay_offline()
    from transformers import AutoModel
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        return AutoModel.from_pretrained(str(folder)).eval(), _tokenizer(folder)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(f"{folder} holds no model that transformers can load: {first_line(error)}") from None


def _onnx(file: Path, threads: int) -> tuple[Any, Any]:
    require("onnxruntime", "cpuperf prove of an ONNX file", "onnx")
    require("transformers", "the tokenizer beside an ONNX file", "transformers")
    _stay_offline()
    import onnxruntime

    if not file.is_file():
        raise UsageError(f"expected an ONNX file, found none: {file}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds of exception have no common base but this
        raise UsageError(f"onnxruntime cannot load {file}: {first_line(error)}") from None
    return session, _tokenizer(file.parent)


def _made(module: str, factory: str) -> tuple[Any, Any]:
    # As `python -m` does: a factory in the current folder is found.
    sys.path.insert(0, os.getcwd())
    try:
        made = getattr(importlib.import_module(module), factory)()
    except ModuleNotFoundError as error:
        raise UsageError(f"cannot import {module!r}: {error}") from None
    except AttributeError as error:
        raise UsageError(f"{module}:{factory} cannot be had: {first_line(error)}") from None
    finally:
        sys.path.pop(0)
    if isinstance(made, tuple) and len(made) == 2:
        return made
    return made, None


def _tokenizer(folder: Path) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            f"{folder} holds no tokenizer: {first_line(error)}", "save one there: tokenizer.save_pretrained(folder)"
        ) from None


def _stay_offline() -> None:
    os.environ["HF_HUB_OFFLINE"] = "1"


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says, or its kind where it says nothing."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
