"""What the files beside a file say of its project: whether it runs models, whether it sets threads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

from pytest_cpuperf.static.source.text import SourceError, decode_marked, read_if_any

_REQUIREMENTS = ("requirements*.txt", "requirements/*.txt", "pyproject.toml", "setup.py", "setup.cfg", "Pipfile")
_ENVIRONMENTS = ("environment*.yml", "environment*.yaml", "conda*.yml", "conda*.yaml")
# Libraries that compute on the CPU with threads of their own. A GPU's build of one is left out.
LIBRARIES = (
    r"torch|pytorch|torchvision|torchaudio|transformers|sentence[-_]transformers|onnxruntime|optimum|diffusers"
    r"|tensorflow(?:[-_]cpu)?|fastembed|faster[-_]whisper|openai[-_]whisper|whisperx|ultralytics|easyocr|paddlepaddle"
    r"|paddleocr|timm|open[-_]clip[-_]torch|llama[-_]cpp[-_]python|ctranslate2|openvino|flair|stanza|gliner|keybert"
    r"|setfit|rembg|rapidocr[-\w]*|surya[-_]ocr|spacy[-_]transformers|FlagEmbedding"
)
_NAMES_LIBRARY = re.compile(rf"(?mi)^[ \t]*(?:-[ \t]+)?[\"']?({LIBRARIES})\b(?!-gpu|-cu\d)[^\n]*$")
_IMPORTS_LIBRARY = re.compile(
    rb"(?m)^[ \t]*(?!from[ \t]+transformers[ \t]+import[ \t]+\w*Tokenizer\w*[ \t]*\r?$)"  # which runs no model
    rb"(?:import|from)[ \t]+(?:torch\w*|transformers|sentence_transformers|onnxruntime|optimum|diffusers"
    rb"|tensorflow|fastembed|faster_whisper|whisper\w*|ultralytics|easyocr|paddle\w*|timm|open_clip|llama_cpp"
    rb"|ctranslate2|openvino|flair|stanza|gliner|keybert|setfit|rembg|rapidocr\w*|surya|FlagEmbedding|spacy)\b"
)
_IMPORTS_QUEUE = re.compile(rb"(?m)^[ \t]*(?:import|from)[ \t]+(?:celery|dramatiq|huey|rq|arq|taskiq)\b")
# What sets threads, in code or in the environment: of torch and onnxruntime, TensorFlow, faster-whisper, llama.cpp,
# CTranslate2, and of the CPUs a process may use.
SETS_THREADS = (
    r"\b\w+_NUM_THREADS\b|\bset_num_threads\b|\bintra_op_num_threads\b|\bthreadpool_limits\b"
    r"|\bset_intra_op_parallelism_threads\b|\bintra_op_parallelism_threads\b"
    r"|\b(?:cpu|n|intra|inter|num)_threads\s*=|\btaskset\b|\bnumactl\b"
)
_SETS_THREADS = re.compile(SETS_THREADS.encode())
_SKIPPED = frozenset({"venv", "env", "node_modules", "__pycache__", "site-packages", "build", "dist"})
# What lists dependencies, in a file of requirements: one that lists others than ours speaks for its folder.
_LISTS = re.compile(r"(?m)^[ \t]*(?:-[ \t]+)?[\"']?[A-Za-z][\w.-]*(?:\[[\w, ]*\])?[ \t]*(?:[=<>~!]=|[<>;\"',]|$)")
_LISTING = re.compile(r"(?m)^\s*\[?(?:[\w.-]+\.)?(?:dependencies|install_requires|packages)\b")
# A project's sources are looked through, not a disk.
_MOST_ENTRIES = 5000
_MOST_BYTES = 2_000_000


class Neighbours:
    """Answers for one file, found when first asked for. Files that cannot be read say nothing."""

    def __init__(self, folder: Path | None = None, root: Path | None = None) -> None:
        """`folder` is the file's; None where it has no place on a disk. Requirements are looked for up to `root`."""
        self._folder = folder
        self._root = root
        self.were_asked = False
        """Whether an answer has depended on them."""

    @cached_property
    def names_library(self) -> str | None:
        """Which file of requirements names which library that runs models, in words; None for none.

        Lists of all that is installed name libraries that nothing uses: where there are sources, one must import it.
        """
        self.were_asked = True
        for folder in self._folders():
            files = [f for pattern in (*_REQUIREMENTS, *_ENVIRONMENTS) for f in sorted(folder.glob(pattern))]
            texts = [(file.name, _text(file)) for file in files]
            for name, text in texts:
                found = _NAMES_LIBRARY.search(text)
                if found:
                    return f"{name} names {found[1]}" if _imports_library(folder) else None
            if any(_lists_dependencies(name, text) for name, text in texts):
                return None  # the nearest list speaks for the file
        return None

    @cached_property
    def sets_threads(self) -> str | None:
        """Which file beside this one, or below, sets threads; None for none."""
        self.were_asked = True
        if self._folder is None:
            return None
        return next((f.name for f in _sources(self._folder) if _SETS_THREADS.search(_bytes(f))), None)

    def within(self, path: str) -> Neighbours:
        """Return the neighbours of a folder below this one, or beside it."""
        self.were_asked = True
        return Neighbours(None if self._folder is None else self._folder / path, self._root)

    def _folders(self) -> Iterator[Path]:
        if self._folder is None:
            return
        folder = self._folder
        while True:
            yield folder
            if self._root is None or folder == self._root or self._root not in folder.parents:
                return
            folder = folder.parent


NOWHERE = Neighbours()


def _sources(folder: Path) -> Iterator[Path]:
    """Yield the sources, scripts and settings of a folder and those below it."""
    for file in islice(_files(folder), _MOST_ENTRIES):
        if file.suffix in (".py", ".sh", ".env", ".yml", ".yaml") or file.name.startswith(
            ("Dockerfile", "Procfile", ".env", "start", "entrypoint")
        ):
            yield file


def _files(folder: Path) -> Iterator[Path]:
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            is_folder = entry.is_dir() and not entry.is_symlink()
        except OSError:
            continue
        if not is_folder:
            yield entry
        elif entry.name not in _SKIPPED and not entry.name.startswith("."):
            yield from _files(entry)


def _imports_library(folder: Path) -> bool:
    """Return whether a source of a folder, or below it, imports a library that runs models; True without sources.

    A module of a task queue does not count: its workers run the models, not those of the server.
    """
    sources = [_bytes(file) for file in _sources(folder) if file.suffix == ".py"]
    return not sources or any(_IMPORTS_LIBRARY.search(s) and not _IMPORTS_QUEUE.search(s) for s in sources)


def _lists_dependencies(name: str, text: str) -> bool:
    """Return whether a file of requirements lists some: a `pyproject.toml` may configure tools alone."""
    return (_LISTS if name.endswith(".txt") else _LISTING).search(text) is not None


def _bytes(file: Path) -> bytes:
    data = read_if_any(file)
    return data if len(data) <= _MOST_BYTES else b""


def _text(file: Path) -> str:
    """Return a file's text; `pip freeze > requirements.txt` writes UTF-16 in PowerShell."""
    try:
        return decode_marked(read_if_any(file))
    except SourceError:
        return ""
