"""The parser that `ingest` uses: files go to a child process that lives for many of them, and dies for few."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from rag.corpus.readers.reader import Aid, Member, Parsed, Reader, Unread
from rag.corpus.sandbox.answers import Frame, cleaned_of, defect, member_of, notes_of, outcome_of
from rag.corpus.sandbox.confinement import ALL
from rag.corpus.sandbox.frames import Garbled
from rag.corpus.sandbox.limits import Limits
from rag.corpus.sandbox.worker import Died, Request, Worker

log = logging.getLogger(__name__)


class Sandbox:
    """A parser in child processes; a file that crashes, hangs or bursts them ends in a state and is the only one.

    A process starts with the first file that needs one, and another where a file is read while the files within
    another still come. `readers` are modules with further READERS, for tests. `passwords` open encrypted files;
    `on_page` is told the path of a file, each page of it that is begun, and of how many (0: not known).
    """

    def __init__(
        self,
        limits: Limits | None = None,
        readers: Sequence[str] = (),
        *,
        passwords: Sequence[str] = (),
        on_page: Callable[[str, int, int], None] = lambda _path, _page, _count: None,
    ) -> None:
        self._limits = limits or Limits()
        self._readers = readers
        self._passwords = tuple(passwords)
        self._on_page = on_page
        self._workers: list[Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the processes."""
        while self._workers:
            self._workers.pop().close()

    def parse(self, reader: Reader, data: bytes, path: str) -> Parsed:
        """What `reader` makes of the file. Raises CorpusError where no process can be started."""
        if not reader.isolated or reader.refused(data) is not None:
            return _here(reader, data, path, Aid(self._passwords))
        until = time.monotonic() + self._limits.whole
        worker, lost, why = self._idle(), list[int](), None
        while True:
            used = worker.files > 0
            asked = Request(path, data, self._passwords, tuple(lost), until - time.monotonic())
            try:
                parsed = self._parsed(worker, reader, asked)
            except Died as death:
                self._forget(worker)
                if not (used and death.again):  # else it may have been what the files before had left behind
                    why = why or death.outcome
                    if death.page in (0, *lost) or len(lost) == self._limits.lost:
                        return Parsed(why)
                    lost.append(death.page)
                worker = self._started()
            else:
                return Parsed(why) if why and isinstance(parsed.outcome, Unread) else parsed

    def enforced(self) -> frozenset[str]:
        """Which of `rag.corpus.sandbox.confinement.ALL` this system enforces; a process is started to find out."""
        return self._idle().enforced

    def _parsed(self, worker: Worker, reader: Reader, asked: Request) -> Parsed:
        worker.busy = True
        told, following = worker.ask(asked, lambda page, count: self._on_page(asked.path, page, count))
        try:
            outcome, cleaned = outcome_of(told, reader, asked.data), cleaned_of(told)
        except Garbled as error:
            raise worker.died(f"the parser does not answer as one does: {error}") from error
        if self._is_end(worker, following):
            return Parsed(outcome, (), cleaned)
        members = self._members(worker, following)
        next(members)  # begun, so that wherever it is left the process is ended
        return Parsed(outcome, members, cleaned)

    def _members(self, worker: Worker, frame: Frame) -> Iterator[Member]:
        """The files within a file, the process waiting where they are not taken."""
        try:
            yield Member("")
            while not self._is_end(worker, frame):
                yield member_of(frame)
                frame = worker.hear()
        except Garbled as error:
            yield Member("", problem=worker.died(f"the parser does not answer as one does: {error}").outcome)
        except Died as death:
            yield Member("", problem=death.outcome)
        finally:
            if worker.busy:
                self._forget(worker)

    def _is_end(self, worker: Worker, frame: Frame) -> bool:
        """Whether that was all of a file; the process may then read another one, or has read enough."""
        header, _ = frame
        if header.get("kind") != "end":
            return False
        worker.busy = False
        for level, line in notes_of(frame):
            log.log(level, "%s", line)
        kept = header.get("memory")
        if worker.files >= self._limits.files or not isinstance(kept, int) or kept > self._limits.lean:
            self._forget(worker)
        return True

    def _idle(self) -> Worker:
        """A process that waits for a file."""
        found = next((worker for worker in self._workers if not worker.busy), None)
        return found or self._started()

    def _started(self) -> Worker:
        worker = Worker.start(self._limits, self._readers)
        self._workers.append(worker)
        _say_what_is_missing(ALL.keys() - worker.enforced)
        return worker

    def _forget(self, worker: Worker) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
        worker.close()


def _here(reader: Reader, data: bytes, path: str, aid: Aid) -> Parsed:
    """What the reader makes of the file in this process."""
    try:
        return reader.open(data, path, aid)
    except Exception as error:  # noqa: BLE001 (whatever it raises is its file's state)
        return Parsed(defect(error))


@functools.cache
def _said(what: frozenset[str]) -> None:
    log.warning(
        "on this system, what protects from hostile files is not complete: %s (docs/security.md)",
        "; ".join(ALL[name] for name in sorted(what)),
    )


def _say_what_is_missing(names: set[str]) -> None:
    """A warning, once, about what this platform does not enforce."""
    if names:
        _said(frozenset(names))
