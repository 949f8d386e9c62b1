"""The child's last step before it reads a file: it gives up what parsing needs not, and tells what it gave up."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from rag.corpus.sandbox.auditing import audited
from rag.corpus.sandbox.landlock import landlocked
from rag.corpus.sandbox.limits import LINUX, Gauge, Limits, bounded, granted
from rag.corpus.sandbox.seccomp import filtered

MEMORY_STATUS = 97  # of a child that ends because it has not enough memory
_LOOK_S = 0.05
_DEATH_SIGNAL = 1  # prctl: the signal when the parent is gone
_SYSTEM = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/etc/ld.so.cache", os.devnull)

ALL = {
    "memory": "memory is not bounded",
    "processor time": "the processor's time is not bounded, only that of the wall",
    "open files": "the number of open files is not bounded",
    "files": "native code of a parser could open other files: only Python's own calls are refused",
    "sockets": "native code of a parser could open a socket: only Python's own calls are refused",
    "processes": "native code of a parser could start a program: only Python's own calls are refused",
    "orphans": "a child that is at work when its parent is killed ends only with its file",
}
"""What is enforced where the platform can, and what has to be said where it cannot."""


def confined(limits: Limits) -> set[str]:
    """Give up everything but parsing, for good; which of `ALL` is enforced."""
    folders = list(_readable())
    enforced = _tied_to_parent(limits)
    if granted(limits.seconds):
        enforced.add("processor time")
    if LINUX:
        with suppress(AttributeError, OSError):  # a libc without these calls
            enforced |= landlocked(folders)
            enforced |= filtered()
    enforced |= bounded(limits)
    audited(folders)
    return enforced & ALL.keys()


def _readable() -> Iterator[str]:
    """The folders that imports read: the standard library, installed packages, this one."""
    found = [str(Path(os.__file__).parent.parent), str(Path(__file__).parents[2]), *filter(os.path.isabs, sys.path)]
    for path in found[:2]:
        yield from {path, os.path.realpath(path)}
    for path in found[2:]:
        if _is_installation(path):
            yield from {path, os.path.realpath(path)}
    yield from _SYSTEM


def _is_installation(path: str) -> bool:
    """Whether packages were installed there: a folder that someone works in is none."""
    if Path(path).name in ("site-packages", "dist-packages"):
        return True
    try:
        return any(entry.name.endswith(".dist-info") for entry in os.scandir(path))
    except OSError:
        return False


def _tied_to_parent(limits: Limits) -> set[str]:
    """End with the parent, even if that is killed; and, where the system does not bound memory, when it is too much."""
    if os.name == "nt":
        return set()
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL, 0, 0, 0)
        return {"orphans"}
    return _watched(limits)


def _watched(limits: Limits) -> set[str]:
    threading.Thread(target=_watch, args=(limits, os.getppid()), daemon=True).start()
    return {"orphans", "memory"}


def _watch(limits: Limits, parent: int) -> None:
    gauge = Gauge()
    while os.getppid() == parent:
        if gauge.read() > limits.memory:
            os._exit(MEMORY_STATUS)
        time.sleep(_LOOK_S)
    os._exit(0)
