"""The child's loop: a file comes in, what it gives goes out, until the pipe is closed."""

from __future__ import annotations

import importlib
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any, BinaryIO

from rag.corpus.readers import READERS, reader_by_content, reader_for
from rag.corpus.readers.reader import Aid, Member, Parsed, Unread
from rag.corpus.sandbox.answers import Frame, defect, document_frame, member_frame, unread_frame
from rag.corpus.sandbox.confinement import MEMORY_STATUS, confined
from rag.corpus.sandbox.frames import Ended, read_frame, write_frame
from rag.corpus.sandbox.limits import Gauge, Limits, granted
from rag.datatypes import Document, State

_ANY_SIZE = 2**62  # the parent is trusted
_MOST_NOTES = 50


class _Notes(logging.Handler):
    """What readers say while they read a file, to be said by the parent."""

    def __init__(self) -> None:
        super().__init__()
        self._noted: list[tuple[int, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Take note."""
        if len(self._noted) < _MOST_NOTES:
            self._noted.append((record.levelno, record.getMessage()))

    def taken(self) -> list[tuple[int, str]]:
        """What was said since this was last asked."""
        noted, self._noted = self._noted, []
        return noted


def main() -> None:
    """Serve a parent that says in `sys.argv[1]`, as JSON, what the limits are and where other readers are."""
    requests, answers = _pipes()
    told = json.loads(sys.argv[1])
    limits = Limits(**told["limits"])
    gauge = Gauge()
    try:
        for module in told["readers"]:
            READERS.update(importlib.import_module(module).READERS)
        enforced = confined(limits)
    except Exception as error:
        write_frame(answers, {"kind": "failed", "reason": repr(error)})
        raise
    write_frame(answers, {"kind": "ready", "enforced": sorted(enforced)})
    notes = _Notes()
    logging.getLogger("rag").addHandler(notes)
    logging.getLogger("rag").setLevel(logging.INFO)
    while True:
        try:
            header, data = read_frame(requests, _ANY_SIZE)
            granted(limits.seconds)
            for frame in _frames(header["path"], data, _aid(header, limits, answers)):
                write_frame(answers, *frame)
            write_frame(answers, {"kind": "end", "memory": gauge.read(), "notes": notes.taken()})
        except MemoryError:
            os._exit(MEMORY_STATUS)
        except (Ended, OSError):
            os._exit(0)


def _pipes() -> tuple[BinaryIO, BinaryIO]:
    """Where files come from and answers go; what a library reads from or prints to the standard ones is nothing."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    os.close(nothing)
    return requests, answers


def _aid(asked: dict[str, Any], limits: Limits, answers: BinaryIO) -> Aid:
    """What the reader of a file is given, and is heard by."""
    lost, until = frozenset(asked["lost"]), time.monotonic() + asked["whole"]

    def begin(page: int, count: int) -> State | None:
        write_frame(answers, {"kind": "page", "number": page, "of": count})
        granted(limits.seconds)
        if page in lost:
            return State.FAILED
        return State.TOO_LARGE if time.monotonic() > until else None

    return Aid(tuple(asked["passwords"]), begin)


def _frames(path: str, data: bytes, aid: Aid) -> Iterator[Frame]:
    """What the file gave, and each within it."""
    try:
        parsed = _parsed(path, data, aid)
        outcome = parsed.outcome
        cleaned = parsed.cleaned
        first = document_frame(outcome, cleaned) if isinstance(outcome, Document) else unread_frame(outcome)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 (whatever a parser raises is its file's state)
        parsed, first = Parsed(defect(error)), unread_frame(defect(error))
    yield first
    yield from _members(parsed)


def _members(parsed: Parsed) -> Iterator[Frame]:
    try:
        for member in parsed.members:
            yield member_frame(member)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001
        yield member_frame(Member("", problem=defect(error)))


def _parsed(path: str, data: bytes, aid: Aid) -> Parsed:
    reader = reader_for(path)
    if reader is None:
        return Parsed(Unread(State.UNSUPPORTED, "no reader"))
    return reader_by_content(reader, data).open(data, path, aid)
