"""The parent's side of one child process: started, asked, timed, ended."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import BinaryIO

import rag
from rag.corpus.readers.reader import Unread
from rag.corpus.sandbox.answers import Frame, page_of
from rag.corpus.sandbox.confinement import MEMORY_STATUS
from rag.corpus.sandbox.frames import Ended, Garbled, read_frame, write_frame
from rag.corpus.sandbox.limits import Limits
from rag.datatypes import State
from rag.errors import CorpusError

# Behind Python's own modules: what lies in the folder of a user's script must not stand for one of these.
_COMMAND = "import sys; sys.path += sys.argv[2:]; from rag.corpus.sandbox.child import main; main()"
_START_S = 60.0
_END_S = 2.0
_LOOK_S = 0.25
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "SYSTEMROOT", "TZ")
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "MALLOC_ARENA_MAX": "2", "OMP_NUM_THREADS": "1"}
# Large buffers go back to the system when they are free; else the heap grows in pieces with each page of a scan.
_ENVIRONMENT |= {"MALLOC_MMAP_THRESHOLD_": "262144"}


_MOST_PAGES = 100_000
"""Pages that a child may tell of, each of them twice."""


class Died(Exception):
    """The process ended, or had to be ended, over a file; `outcome` says why. With a new one it may be different.

    `page` is the one that it had begun; 0 where that was none, or the only one.
    """

    def __init__(self, outcome: Unread, *, again: bool, page: int = 0) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome
        self.again = again
        self.page = page


@dataclass(frozen=True, slots=True)
class Request:
    """A file to be read: `lost` pages are passed over, and all that are begun more than `whole` seconds from now."""

    path: str
    data: bytes = field(repr=False)
    passwords: tuple[str, ...] = field(repr=False)
    lost: tuple[int, ...]
    whole: float


class Worker:
    """One child process. Not for several threads at once."""

    def __init__(self, process: subprocess.Popen[bytes], limits: Limits) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._requests: BinaryIO = process.stdin  # type: ignore[assignment]
        self._answers: BinaryIO = process.stdout  # type: ignore[assignment]
        self._limits = limits
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._late = False
        self._left = 0.0
        self._page = 0
        self._end_of_all = math.inf
        self._until = math.inf
        self.enforced: frozenset[str] = frozenset()
        self.files = 0
        self.busy = False

    @classmethod
    def start(cls, limits: Limits, readers: Sequence[str] = ()) -> Worker:
        """A process that is ready. `readers` are modules whose READERS it takes beside the usual ones.

        Raises CorpusError where none can be started.
        """
        told = json.dumps({"limits": asdict(limits), "readers": list(readers)})
        try:
            process = subprocess.Popen(
                [sys.executable, "-S", "-s", "-P", "-B", "-c", _COMMAND, told, *_places()],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(),
                cwd=os.path.abspath(os.sep),  # noqa: PTH100 (where nothing of the user's lies)
                start_new_session=True,  # Ctrl-C is for the parent
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except OSError as error:
            raise _cannot_start(error.strerror or str(error)) from error
        worker = cls(process, limits)
        threading.Thread(target=worker._watch, daemon=True).start()
        try:
            worker._left = _START_S
            header, _ = worker.hear()
        except Died as death:
            raise _cannot_start(death.outcome.reason) from death
        except BaseException:
            worker.kill()
            raise
        if header.get("kind") != "ready":
            worker.kill()
            raise _cannot_start(str(header.get("reason")))
        worker.enforced = frozenset(header["enforced"])
        return worker

    def ask(self, asked: Request, on_page: Callable[[int, int], None]) -> tuple[Frame, Frame]:
        """Hand a file over; what it says of it first, and then. `on_page` is told of each page. Raises Died."""
        self.files += 1
        self._page = 0
        self._left = self._limits.seconds
        # Twice the time of a page beyond: for the last page, and for the rest.
        self._end_of_all = time.monotonic() + asked.whole + 2 * self._limits.seconds
        header = {"path": asked.path, "passwords": asked.passwords, "lost": asked.lost, "whole": asked.whole}
        with self._watched(), suppress(BrokenPipeError):  # what it died of is heard
            write_frame(self._requests, header, asked.data)
        for _ in range(2 * _MOST_PAGES):
            frame = self.hear()
            try:
                told = page_of(frame)
            except Garbled as error:
                raise self.died(f"the parser does not answer as one does: {error}") from error
            if told is None:
                return frame, self.hear()
            page, count = told
            self._page = page if count != 1 else 0
            self._left = min(self._limits.seconds, self._end_of_all - time.monotonic())
            on_page(page, count)
        raise self.died("the parser does not answer as one does: it has too many pages")

    def hear(self) -> Frame:
        """What it says next. Raises Died."""
        with self._watched():
            return read_frame(self._answers)

    def died(self, reason: str) -> Died:
        """End the process over what it said; what is to be raised."""
        self.kill()
        return Died(Unread(State.FAILED, reason), again=True)

    def close(self) -> None:
        """Let the process end; none is left behind."""
        with suppress(OSError):
            self._requests.close()  # which ends it, unless it is at work
        if not self.busy:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_S)
        self.kill()

    def kill(self) -> None:
        """End the process at once, and all that it might have started."""
        with self._lock:
            self._end()
        self._over.set()
        self._process.wait()
        for pipe in (self._requests, self._answers):
            with suppress(OSError):
                pipe.close()

    def _end(self) -> None:
        if self._process.poll() is None:
            with suppress(ProcessLookupError, PermissionError):
                if os.name == "nt":
                    self._process.kill()
                else:
                    os.killpg(self._process.pid, signal.SIGKILL)

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Within: the process has as long as is left for this file. Raises Died for all that can go wrong with it."""
        started = time.monotonic()
        with self._lock:
            self._until = started + self._left
        try:
            yield
        except (Ended, OSError):
            raise self._death() from None
        except Garbled as error:
            raise self.died(f"the parser does not answer as one does: {error}") from error
        finally:
            with self._lock:
                self._until = math.inf
            self._left -= time.monotonic() - started

    def _watch(self) -> None:
        """End the process when its time is over; on a thread of its own."""
        while not self._over.wait(_LOOK_S):
            with self._lock:
                if time.monotonic() > self._until:
                    self._late = True
                    self._end()
                    return

    def _death(self) -> Died:
        """Why the process is gone."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        self.kill()
        status = self._process.returncode
        if self._late or -status == getattr(signal, "SIGXCPU", 0):
            in_all = time.monotonic() > self._end_of_all
            return Died(self._limits.too_long(in_all=in_all), again=False, page=0 if in_all else self._page)
        if status == MEMORY_STATUS:
            return Died(self._limits.too_big(), again=True, page=self._page)
        how = f"signal {-status}" if status < 0 else f"status {status}"
        return Died(Unread(State.FAILED, f"the parser crashed ({how})"), again=True, page=self._page)


def _environment() -> dict[str, str]:
    """What the child finds: where packages are and how libraries behave; nothing that the user keeps there."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {**kept, **_ENVIRONMENT}


def _places() -> list[str]:
    """Where this process finds modules, in its order, without the current folder unless this package lies there."""
    home = Path(rag.__file__).parents[1]
    whole = [(Path(path), Path(path).absolute()) for path in sys.path]
    places = [absolute for path, absolute in whole if path.is_absolute() or absolute == home]
    return list(map(str, places if home in places else [home, *places]))


def _cannot_start(reason: str) -> CorpusError:
    return CorpusError(
        f"the process that parses files cannot be started: {reason}. Nothing was removed from the index; "
        f"check that {sys.executable} runs and that there is memory"
    )
