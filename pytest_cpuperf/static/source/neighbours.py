"""What the files beside a file say of its project: whether it runs models, whether it sets threads."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from itertools import islice
from pathlib import Path

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
    rb"(?m)^[ \t]*(?:import|from)[ \t]+(?:torch\w*|transformers|sentence_transformers|onnxruntime|optimum|diffusers"
    rb"|tensorflow|fastembed|faster_whisper|whisper\w*|ultralytics|easyocr|paddle\w*|timm|open_clip|llama_cpp"
    rb"|ctranslate2|openvino|flair|stanza|gliner|keybert|setfit|rembg|rapidocr\w*|surya|FlagEmbedding|spacy)\b"
)
_SETS_THREADS = re.compile(
    rb"\b(?:OMP|MKL|OPENBLAS|ORT_INTRA_OP)_NUM_THREADS\b|\bset_num_threads\b|\bintra_op_num_threads\b"
    rb"|\btaskset\b|\bnumactl\b|\bthreadpool_limits\b|\binter_op_parallelism_threads\b"
)
_SKIPPED = frozenset({".git", ".venv", "venv", "node_modules", "__pycache__", "site-packages", ".tox"})
# A project's sources are looked through, not a disk.
_MOST_FILES = 500
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
            for pattern in (*_REQUIREMENTS, *_ENVIRONMENTS):
                for file in sorted(folder.glob(pattern)):
                    found = _NAMES_LIBRARY.search(_text(file))
                    if found:
                        return f"{file.name} names {found[1]}" if _imports_library(folder) else None
        return None

    @cached_property
    def sets_threads(self) -> str | None:
        """Which file beside this one, or below, sets threads; None for none."""
        self.were_asked = True
        if self._folder is None:
            return None
        return next(
            (f.name for f in islice(_sources(self._folder), _MOST_FILES) if _SETS_THREADS.search(_bytes(f))), None
        )

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
    try:
        entries = sorted(folder.iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            is_folder = entry.is_dir() and not entry.is_symlink()
        except OSError:
            continue
        if is_folder:
            if entry.name not in _SKIPPED:
                yield from _sources(entry)
        elif entry.suffix in (".py", ".sh", ".env", ".yml", ".yaml") or entry.name.startswith(
            ("Dockerfile", "Procfile", ".env", "start", "entrypoint")
        ):
            yield entry


def _imports_library(folder: Path) -> bool:
    """Return whether a source of a folder, or below it, imports a library that runs models; True without sources."""
    sources = [file for file in islice(_sources(folder), _MOST_FILES) if file.suffix == ".py"]
    return not sources or any(_IMPORTS_LIBRARY.search(_bytes(file)) for file in sources)


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes() if file.stat().st_size <= _MOST_BYTES else b""
    except OSError:
        return b""


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
