"""The static check, from paths to findings: files discovered, spread over processes, results remembered and merged."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pytest_cpuperf.errors import UsageError, nearest
from pytest_cpuperf.results.findings import CheckError, CheckResult, merged
from pytest_cpuperf.settings.table import Settings
from pytest_cpuperf.static.discover import discover, relative
from pytest_cpuperf.static.file_check import check_screened, language_of, not_checked
from pytest_cpuperf.static.gitignore import IgnorePatterns
from pytest_cpuperf.static.rules import all_rules
from pytest_cpuperf.static.rules.base import Language, Rule, RuleOptions
from pytest_cpuperf.static.source.neighbours import Neighbours
from pytest_cpuperf.static.source.text import SourceError, Words, read_bytes
from pytest_cpuperf.static.workers import in_processes

if TYPE_CHECKING:
    from pytest_cpuperf.static.cache import Cache

# Below this many files a second process costs more than it brings.
_WORTH_A_PROCESS = 100


@dataclass(frozen=True)
class Run:
    """How a check is run."""

    force_exclude: bool = False
    """Leave excluded files out even where they are named outright, as pre-commit does."""
    thorough: bool = False
    """Parse whole files, so that every silence is told."""
    jobs: int | None = None
    """Processes; None takes as many as the files are worth, and no more than `cpus`."""
    cpus: Callable[[], int] = lambda: 1
    """Counts the CPUs this process may use, affinity and quota considered; asked only where files are many. `machine`
    knows, which static checks do without."""
    use_cache: bool = False
    wanted: Callable[[Path], bool] | None = None
    """Which of the files found are checked; None for all."""


def check_project(settings: Settings, cpus: int = 1, wanted: Callable[[Path], bool] | None = None) -> CheckResult:
    """Check the paths the configuration names, relative to its root; of their files those that are `wanted` alone."""
    run = Run(use_cache=True, cpus=lambda: cpus, wanted=wanted)
    return check_paths([settings.root / p for p in settings.paths], settings, run)


def check_paths(paths: Iterable[Path], settings: Settings, run: Run | None = None) -> CheckResult:
    """Check files and folders. Raises UsageError for paths and codes that do not exist."""
    run = run or Run()
    return check_files(find_files(paths, settings, run), settings, run)


@dataclass(frozen=True)
class Found:
    """The files of a check, and what could not be looked at."""

    files: tuple[Path, ...]
    errors: tuple[CheckError, ...]


def find_files(paths: Iterable[Path], settings: Settings, run: Run) -> Found:
    """Return the files of a check. What is checked, and later written, is these. Raises UsageError as `discover`."""
    found = discover(paths, settings.root, settings.exclude, run.force_exclude)
    wanted = run.wanted or (lambda path: True)
    errors = (error for error in found.errors if wanted(settings.root / error.path))
    return Found(tuple(filter(wanted, found.files)), tuple(errors))


def check_files(found: Found, settings: Settings, run: Run) -> CheckResult:
    """Check files. Raises UsageError for codes that do not exist."""
    rules = selected_rules(settings)
    files = found.files
    cache = _cache(settings, rules) if run.use_cache and not run.thorough else None
    known, left = _known(files, settings.root, cache) if cache is not None else ([], files)
    answers = _check_files(_Job(settings, tuple(r.code for r in rules), run.thorough, cache is not None), left, run)
    if cache is not None:
        cache.store({key: result for answer in answers for key, result in answer.remembered.items()})
    return merged([CheckResult(0, errors=found.errors), *known, *(r for answer in answers for r in answer.results)])


def _cache(settings: Settings, rules: Sequence[Rule]) -> Cache | None:
    from pytest_cpuperf.static.cache import Cache  # with json and hashlib, which a check without it needs not

    return Cache.open(settings, [r.code for r in rules])


def _known(files: Sequence[Path], root: Path, cache: Cache) -> tuple[list[CheckResult], Sequence[Path]]:
    """Return the results that the cache knows, and the files that are left to check."""
    if not cache.known:
        return [], files
    from pytest_cpuperf.static.cache import key_of

    results: list[CheckResult] = []
    left: list[Path] = []
    for file in files:
        try:
            found = cache.get(key_of(relative(file, root), read_bytes(file)))
        except SourceError:
            found = None  # told by the check itself
        if found is None:
            left.append(file)
        else:
            results.append(found)
    return results, left


def _check_files(job: _Job, files: Sequence[Path], run: Run) -> list[_Answer]:
    """Check files in as many processes as they are worth."""
    processes = _processes(len(files), run)
    if processes == 1:
        return [_check_piece(job, files)]
    # Several pieces for each process, neighbours apart: folders differ in how much there is to do.
    pieces = [files[i :: 12 * processes] for i in range(12 * processes)]
    return in_processes(partial(_check_piece, job), pieces, processes, partial(_killed, job))


def _killed(job: _Job, file: Path) -> _Answer:
    """Return the answer for a file that the process that checked it was killed over."""
    message = "cannot be checked: the process that did was killed; did memory run out?"
    return _Answer([CheckResult(1, errors=(CheckError(relative(file, job.settings.root), None, message),))], {})


def selected_rules(settings: Settings) -> list[Rule]:
    """Return the rules a configuration selects; raises UsageError for a code that stands for no rule."""
    rules = all_rules(rule_options(settings))
    codes = [r.code for r in rules]
    for code in (*settings.select, *settings.extend_select, *settings.ignore):
        if code != "ALL" and not any(c.startswith(code) for c in codes):
            raise UsageError(f"no rule has the code {code!r}{nearest(code, codes)}", "cpuperf explain lists the rules")

    def chosen(rule: Rule, patterns: Iterable[str]) -> bool:
        return any(p == "ALL" or rule.code.startswith(p) for p in patterns)

    return [
        r
        for r in rules
        if (chosen(r, settings.select) if settings.select else r.on_by_default) or chosen(r, settings.extend_select)
        if not chosen(r, settings.ignore)
    ]


def rule_options(settings: Settings) -> RuleOptions:
    """Return what a configuration tells rules."""
    return RuleOptions(settings.ort_threads, settings.transformers, settings.loads_without_dtype)


def rules_for(path: str, rules: Sequence[Rule], settings: Settings) -> list[Rule]:
    """Return the rules left for a file by `per-file-ignores`."""
    ignored = ignored_rules(path, settings)
    return [rule for rule in rules if not ignored(rule)]


def ignored_rules(path: str, settings: Settings) -> Callable[[Rule], bool]:
    """Return what says of a rule whether `per-file-ignores` leaves it out for a file."""
    codes = [
        code
        for pattern, codes in settings.per_file_ignores.items()
        if _patterns(pattern).ignore(path)
        for code in codes
    ]
    return lambda rule: any(code == "ALL" or rule.code.startswith(code) for code in codes)


@lru_cache(maxsize=256)
def _patterns(pattern: str) -> IgnorePatterns:
    return IgnorePatterns([pattern])


@dataclass(frozen=True)
class _Job:
    """What every process is told."""

    settings: Settings
    codes: tuple[str, ...]
    thorough: bool
    remembers: bool
    """Whether what is worked out goes into the cache."""


@dataclass(frozen=True)
class _Answer:
    results: list[CheckResult]
    remembered: dict[str, CheckResult]
    """What was worked out anew, by cache key."""


def _check_piece(job: _Job, files: Sequence[Path]) -> _Answer:
    """Check some files. Trees of millions of nodes and no cycles: collecting garbage would cost a fifth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return _check_each(job, files)
    finally:
        if was_enabled:
            gc.enable()


def _check_each(job: _Job, files: Sequence[Path]) -> _Answer:
    rules = [r for r in all_rules(rule_options(job.settings)) if r.code in job.codes]
    answer = _Answer([], {})
    key_of = _key_of() if job.remembers else None
    clean = 0
    by_language = {language: [r for r in rules if language in r.languages] for language in get_args(Language)}
    for file in files:
        path = relative(file, job.settings.root)
        neighbours = Neighbours(file.absolute().parent, job.settings.root)
        try:
            data = read_bytes(file)
            words = Words(data)
            concerned = [r for r in by_language[language_of(path)] if r.may_concern(words)]
            if concerned:
                ignored = ignored_rules(path, job.settings)
                left = [r for r in concerned if not ignored(r)]
                checked = {r.code for r in rules if not ignored(r)}
                result = check_screened(data, path, left, checked, job.thorough, neighbours)
                answer.results.append(result)
            else:
                result = CheckResult(1)
                clean += 1
        except Exception as error:  # whatever is wrong with one file, or with a rule, the others are checked
            answer.results.append(not_checked(path, error))
            continue
        if key_of is not None and not neighbours.were_asked:
            answer.remembered[key_of(path, data)] = result
    answer.results.append(CheckResult(clean))
    return answer


def _key_of() -> Callable[[str, bytes], str]:
    from pytest_cpuperf.static.cache import key_of

    return key_of


def _processes(files: int, run: Run) -> int:
    """Return how many processes the files are worth."""
    worth = files // _WORTH_A_PROCESS
    wanted = run.jobs or (min(run.cpus(), worth) if worth > 1 else 1)
    return max(1, min(files, wanted))
