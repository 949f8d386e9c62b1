"""The parser that `ingest` uses: files go to a child process that lives for many of them, and dies for few."""

from __future__ import annotations

import functools
import logging
from collections.abc import Iterator, Sequence
from typing import Self

from rag.corpus.readers.reader import Member, Parsed, Reader
from rag.corpus.sandbox.answers import Frame, cleaned_of, defect, member_of, notes_of, outcome_of
from rag.corpus.sandbox.confinement import ALL
from rag.corpus.sandbox.frames import Garbled
from rag.corpus.sandbox.limits import Limits
from rag.corpus.sandbox.worker import Died, Worker

log = logging.getLogger(__name__)


class Sandbox:
    """A parser in child processes; a file that crashes, hangs or bursts them ends in a state and is the only one.

    A process starts with the first file that needs one, and another where a file is read while the files within
    another still come. `readers` are modules with further READERS, for tests.
    """

    def __init__(self, limits: Limits | None = None, readers: Sequence[str] = ()) -> None:
        self._limits = limits or Limits()
        self._readers = readers
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
            return _here(reader, data, path)
        worker = self._idle()
        used = worker.files > 0
        try:
            return self._parsed(worker, reader, data, path)
        except Died as death:
            self._forget(worker)
            if not (used and death.again):
                return Parsed(death.outcome)
        worker = Worker.start(self._limits, self._readers)  # it may have been what the files before had left behind
        self._workers.append(worker)
        try:
            return self._parsed(worker, reader, data, path)
        except Died as death:
            self._forget(worker)
            return Parsed(death.outcome)

    def enforced(self) -> frozenset[str]:
        """Which of `rag.corpus.sandbox.confinement.ALL` this system enforces; a process is started to find out."""
        return self._idle().enforced

    def _parsed(self, worker: Worker, reader: Reader, data: bytes, path: str) -> Parsed:
        worker.busy = True
        told, following = worker.ask(path, data)
        try:
            outcome, cleaned = outcome_of(told, reader, data), cleaned_of(told)
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
        if found is None:
            found = Worker.start(self._limits, self._readers)
            self._workers.append(found)
            _say_what_is_missing(ALL.keys() - found.enforced)
        return found

    def _forget(self, worker: Worker) -> None:
        if worker in self._workers:
            self._workers.remove(worker)
        worker.close()


def _here(reader: Reader, data: bytes, path: str) -> Parsed:
    """What the reader makes of the file in this process."""
    try:
        return reader.open(data, path)
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
