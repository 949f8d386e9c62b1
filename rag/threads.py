"""How many threads the numeric libraries use: decided here, for all of them.

`RAG_THREADS` where it is set, else `OMP_NUM_THREADS`, else the processors that this process may run on.
"""

from __future__ import annotations

import os
from functools import lru_cache

from rag.errors import SettingsError


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
