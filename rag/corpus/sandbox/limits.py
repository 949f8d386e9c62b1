"""What one child process may use, and the part of it that it sets for itself, once and for good."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from dataclasses import dataclass

from rag.corpus.readers.reader import Unread
from rag.datatypes import State

LINUX: bool = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class Limits:
    """`seconds` for a file, of the wall and of the processor; bytes of `memory`, address space where that is bounded.

    A file that tells of its pages has so many `seconds` for each, and `whole` of them for all that it begins: pages
    after that are passed over. Up to `lost` pages over which a process ended are passed over too.
    A process reads so many `files`, then another takes its place; sooner if it keeps more than `lean` bytes.
    """

    seconds: float = 60.0
    whole: float = 3600.0
    lost: int = 3
    memory: int = 2**30
    open_files: int = 64
    files: int = 2000
    lean: int = 384 * 2**20

    def too_long(self, *, in_all: bool = False) -> Unread:
        """The outcome of a file that took too long, or whose pages did together."""
        seconds = f"{self.whole:g} s for all its pages" if in_all else f"{self.seconds:g} s"
        return Unread(State.FAILED, f"reading it took more than {seconds}")

    def too_big(self) -> Unread:
        """The outcome of a file that needed too much memory."""
        return Unread(State.FAILED, f"reading it needed more than {self.memory / 2**30:g} GiB of memory")


def bounded(limits: Limits) -> set[str]:
    """Bound this process, for good; which of "memory", "processor time", "open files", "written files" that holds for.

    The processor's time is bounded file by file with `granted`.
    """
    try:
        import resource
    except ImportError:  # Windows
        return set()
    if not LINUX:  # macOS takes the limit of the address space and does not hold to it
        return _set(resource.RLIMIT_NOFILE, limits.open_files, "open files") | _written()
    return (
        _set(resource.RLIMIT_AS, limits.memory, "memory")
        | _set(resource.RLIMIT_NOFILE, limits.open_files, "open files")
        | _written()
    )


def granted(seconds: float) -> bool:
    """Give this process so many more seconds of the processor; whether that is a bound here."""
    try:
        import resource
    except ImportError:
        return False
    usage = resource.getrusage(resource.RUSAGE_SELF)
    until = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (until if hard == resource.RLIM_INFINITY else min(until, hard), hard))
        return True
    return False


class Gauge:
    """Tells how much memory this process has. Made before it gives up files."""

    def __init__(self) -> None:
        self._statm = os.open("/proc/self/statm", os.O_RDONLY) if LINUX and os.path.exists("/proc/self/statm") else -1  # noqa: PTH110
        self._inherited = _most()

    def read(self) -> int:
        """Bytes that are resident; elsewhere than on Linux, the most that ever were. 0 where the system does not tell.

        (On Linux the most is of no use: a process begins with that of its parent, models and all.)
        """
        if self._statm >= 0:
            return int(os.pread(self._statm, 200, 0).split()[1]) * os.sysconf("SC_PAGE_SIZE")
        most = _most()
        return most if most > self._inherited else 0


def _most() -> int:
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _written() -> set[str]:
    import resource

    core = _set(resource.RLIMIT_CORE, 0, "")
    return _set(resource.RLIMIT_FSIZE, 0, "written files") if core else set()


def _set(which: int, most: int, name: str) -> set[str]:
    import resource

    with suppress(OSError, ValueError):
        _, hard = resource.getrlimit(which)
        bound = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (bound, bound))
        return {name}
    return set()
