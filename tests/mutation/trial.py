"""One mutant against its tests, in a process of its own over a copy of the project."""

import contextlib
import enum
import math
import os
import resource
import shutil
import signal
import sys
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

PACKAGES = ("community", "rules", "tests")
"""What tests of the rules need; copied, so that the checkout is never mutated."""

_MEMORY = 4 << 30  # bytes; a mutant that allocates without end shall not take the machine with it


class Outcome(enum.StrEnum):
    """What became of a mutant. Only `SURVIVED` says that a test is missing, or that the mutant changes nothing."""

    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"


class Verdict(NamedTuple):
    """Outcome of a trial, and the CPU time it took, s."""

    outcome: Outcome
    seconds: float


class TestsFail(Exception):
    """The tests do not pass without any mutation, or pytest did not find them."""


@contextlib.contextmanager
def copied(project: Path) -> Iterator[Path]:
    """A copy of the project in a temporary directory, without anything compiled."""
    with TemporaryDirectory(prefix="mutants-") as name:
        copy = Path(name)
        for package in PACKAGES:
            shutil.copytree(project / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
        for page in ("pyproject.toml", "README.md"):
            shutil.copy(project / page, copy / page)
        shutil.copytree(project / "docs", copy / "docs")
        yield copy


def try_tests(copy: Path, tests: Sequence[str], limit_s: float | None = None) -> Verdict:
    """Run these tests over the copy as it stands, until the first fails.

    Args:
        limit_s: CPU time, s, after which the tests count as hanging; None for no limit.

    Raises:
        TestsFail: the tests could not be run.
    """
    # Forked, not started: what is slow to import (pytest, numpy, numba) is here already.
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = os.fork()
    if child == 0:
        _run(copy, tests, limit_s)
    _, status = os.waitpid(child, 0)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if os.WIFSIGNALED(status):
        hung = os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL, signal.SIGALRM)
        return Verdict(Outcome.TIMED_OUT if hung else Outcome.KILLED, seconds)
    code = os.WEXITSTATUS(status)
    if code in (4, 5):
        raise TestsFail(f"pytest found nothing to run in {' '.join(tests)}")
    return Verdict(Outcome.SURVIVED if code == 0 else Outcome.KILLED, seconds)


def _run(copy: Path, tests: Sequence[str], limit_s: float | None) -> None:
    """In the child: become a pytest over the copy. Does not return."""
    code = 1
    try:
        os.chdir(copy)
        for name in [n for n in sys.modules if n.partition(".")[0] in PACKAGES]:
            del sys.modules[name]
        sys.path[:] = [str(copy), *(p for p in sys.path if Path(p or ".").resolve() != copy)]
        # A mutant of the same size within the same second would pass for the module that was compiled before.
        sys.dont_write_bytecode = True
        if limit_s is not None:
            quiet = os.open(os.devnull, os.O_WRONLY)
            os.dup2(quiet, 1)
            os.dup2(quiet, 2)
            resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(limit_s), math.ceil(limit_s) + 2))
            resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
            signal.alarm(math.ceil(20 * limit_s))  # for one that waits and burns nothing
        code = _pytest(tests)
    except BaseException:  # whatever it is, this process must not go on as a second parent
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _pytest(tests: Sequence[str]) -> int:
    import pytest
    from hypothesis import Phase, settings

    # A failure is all that is asked for: no smaller example of it, and nothing remembered from mutant to mutant.
    settings.register_profile(
        "mutants", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
    )
    settings.load_profile("mutants")
    slow = "ignore:numba is not here:RuntimeWarning"  # it is not, on purpose
    early = "ignore::pytest.PytestAssertRewriteWarning"  # of what `preload` imported
    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", "-W", slow, "-W", early, *tests]))


def preload() -> None:
    """Import what all trials need and no mutant changes."""
    import hypothesis
    import numpy
    import pydantic
    import pytest

    assert all((hypothesis, numpy, pydantic, pytest))
