"""How many threads the numeric libraries use, and how threads share the processors: decided here, for all.

The number is `RAG_THREADS` where it is set, else `OMP_NUM_THREADS`, else the processors that this process may run on.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from contextlib import ContextDecorator
from functools import lru_cache, partial
from typing import Any

from rag.errors import SettingsError

SWITCH_S = 0.0002  # for which a thread keeps the interpreter when others want it: see `turns`


@lru_cache(maxsize=1)
def thread_count() -> int:
    """Threads for one numeric job, at least 1. Raises SettingsError for a variable that is not a number."""
    for variable in ("RAG_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(variable, "").split(",")[0].strip()
        if value:
            if not value.isascii() or not value.isdigit() or int(value) < 1:
                raise SettingsError(
                    f"{variable}={value!r} is not a number of threads. Unset it, or set it to 1 or more."
                )
            return int(value)
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


class Meanwhile(ContextDecorator):
    """A setting of the whole process, for as long as one `with` block (or function decorated with it) needs it.

    The first of those that run at once makes it, the last one undoes it.
    """

    def __init__(self, make: Callable[[], Callable[[], None]]) -> None:
        """`make` returns what undoes it."""
        self._make = make
        self._lock = threading.Lock()
        self._users = 0
        self._undo: Callable[[], None] = lambda: None

    def __enter__(self) -> None:
        with self._lock:
            if not self._users:
                self._undo = self._make()
            self._users += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._users -= 1
            if not self._users:
                self._undo()


def _quick_turns() -> Callable[[], None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(min(before, SWITCH_S))
    return partial(sys.setswitchinterval, before)


def _single_products() -> Callable[[], None]:
    if "OPENBLAS_NUM_THREADS" in os.environ:  # the user's choice, or the command line's
        return lambda: None
    undo: Callable[[], None] = _numpy_blas().limit(limits=1).restore_original_limits
    return undo


@lru_cache(maxsize=1)
def _numpy_blas() -> Any:
    """The controller of what numpy multiplies with; of nothing where that is no library of numpy's own."""
    import numpy  # noqa: F401  # only what is loaded is found
    from threadpoolctl import ThreadpoolController

    loaded = ThreadpoolController()
    own = [library["filepath"] for library in loaded.info() if "numpy" in library["filepath"]]
    return loaded.select(filepath=own)


turns = Meanwhile(_quick_turns)
"""Threads take turns quickly: those that embed need the interpreter all the time, and would wait 5 ms for a thread at
work in Python."""

single_products = Meanwhile(_single_products)
"""numpy multiplies in one thread: its products are small here, and those threads of OpenBLAS that wait for another one
keep the processors for some 20 ms. Of other libraries, and of numpy before and after, it changes nothing."""
