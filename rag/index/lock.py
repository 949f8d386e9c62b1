"""One writer at a time: a lock of the operating system on `writer.lock`, which dies with its process.

The file holds the writer's process id, for the message of the second one. It is never removed: whoever opened it
just before would lock a file that nobody else sees.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from rag.errors import IndexBusy, IndexProblem

NAME = "writer.lock"
# Windows locks byte ranges and forbids reading them: a byte far behind the process id.
_WINDOWS_BYTE = 1 << 30


class WriterLock:
    """Held from construction to `release`. Raises IndexBusy where another writer holds it."""

    def __init__(self, folder: Path) -> None:
        path = folder / NAME
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _lock(self._descriptor)
        except OSError as error:
            holder = _read(self._descriptor)
            os.close(self._descriptor)
            raise _explain(error, folder, holder) from error
        try:
            os.truncate(path, 0)
            os.write(self._descriptor, f"{os.getpid()}\n".encode())
        except OSError:
            os.close(self._descriptor)  # else nobody could let go of the lock as long as this process lives
            raise

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self._descriptor)


def _explain(error: OSError, folder: Path, holder: str) -> IndexProblem:
    if error.errno in (errno.EWOULDBLOCK, errno.EACCES, errno.EDEADLK):
        return IndexBusy(
            f"{folder} is being written by process {holder or 'unknown'}. Only one writer at a time keeps it whole; "
            f"wait until it has finished, then run the same command again. Searching works meanwhile."
        )
    return IndexProblem(
        f"{folder} lies on a file system that cannot lock files ({error.strerror}), so two writers could destroy it. "
        f"Put the index on a local disk: rag ingest ... --index PATH"
    )


def _read(descriptor: int) -> str:
    os.lseek(descriptor, 0, os.SEEK_SET)
    text = os.read(descriptor, 20).decode("ascii", "replace").strip()
    return text if text.isdecimal() else ""


if sys.platform == "win32":  # pragma: no cover
    import msvcrt

    def _lock(descriptor: int) -> None:
        os.lseek(descriptor, _WINDOWS_BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        os.lseek(descriptor, 0, os.SEEK_SET)

else:
    import fcntl

    def _lock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
