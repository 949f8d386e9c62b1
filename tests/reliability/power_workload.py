"""All that writes an index, once: `python -m tests.reliability.power_workload INDEX [WITHOUT]`, run under strace.

Standard output goes into the same log as the system calls, so that each of them knows what had been promised:

    next DOCUMENTS    what the index will hold after the step that begins
    done DOCUMENTS    the step is acknowledged: from now on it must survive
    beside DOCUMENTS  what a rebuild will hold that is not published, and that the next one may go on from
    kept DOCUMENTS    that step of the rebuild is acknowledged
    site PLACE        the line of `rag` whose fsync or rename comes next; the one that is WITHOUT does not come
"""

from __future__ import annotations

import json
import linecache
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from rag.index import database, dense, folder, upkeep
from rag.index.index import Index
from tests.index.samples import open_writer, put, source

MARKED = ("fsync", "rename", "replace")
WRAPPERS = ("_flush", "_rename", "move", "sync_folder")
_RAG = str(Path(database.__file__).parents[1])


def say(word: str, documents: Iterable[str]) -> None:
    """Into the log, at once."""
    os.write(1, f"{word} {json.dumps(sorted(documents))}\n".encode())


@contextmanager
def leading_to(*documents: str) -> Iterator[None]:
    """A step after which the index holds these."""
    say("next", documents)
    yield
    say("done", documents)


@contextmanager
def beside(*documents: str) -> Iterator[None]:
    """A step of a rebuild, after which it holds these."""
    say("beside", documents)
    yield
    say("kept", documents)


def a_new_index(path: Path) -> None:
    with leading_to():
        writer = open_writer(path)
    with leading_to("d1v0", "d2v0"):
        put(writer, 1)
        put(writer, 2)
        writer.commit()
    with leading_to("d2v0", "d3v0", "d4v0"):
        put(writer, 3)
        put(writer, 4)
        writer.remove_source(source(1).location)
        writer.commit()
    with leading_to("d2v1", "d3v0", "d4v0"):
        put(writer, 2, version=1)
        writer.commit()
    put(writer, 5)
    writer.close()


def a_commit_without_a_derived_file(path: Path) -> None:
    """So few rows that they go into the tail: nothing of rag's own is synced, all is left to SQLite."""
    with leading_to("d2v1", "d3v0", "d4v0", "d10v0"), open_writer(path) as writer:
        put(writer, 10, paragraphs=1)
    with leading_to("d2v1", "d3v0", "d4v0"), open_writer(path) as writer:
        writer.remove_source(source(10).location)


def beside_a_reader(path: Path) -> None:
    """The reader leaves last, so that SQLite's log stays for the next writer."""
    with Index.open(path), open_writer(path) as writer:
        with leading_to("d2v1", "d3v1", "d4v0"):
            put(writer, 3, version=1)
            writer.commit()
        with leading_to("d2v1", "d3v1", "d6v0"):
            put(writer, 6)
            writer.remove_source(source(4).location)
            writer.commit()


def after_a_reader(path: Path) -> None:
    with leading_to("d2v1", "d6v0"), open_writer(path) as writer:
        writer.remove_source(source(3).location)


def an_interrupted_rebuild(path: Path) -> None:
    writer = open_writer(path, rebuild=True)
    with beside("d7v0"):
        put(writer, 7)
        writer.commit()
    writer.close()


def a_rebuild(path: Path) -> None:
    """Of an index whose last writer could not move its log into the database, since a reader was there."""
    with Index.open(path), Index.open(path) as reader:
        with open_writer(path) as writer:
            with leading_to("d2v1", "d6v0", "d11v0"):
                put(writer, 11)
                writer.commit()
            reader.refresh()
            with leading_to("d2v1", "d6v0", "d12v0"):
                writer.remove_source(source(11).location)
                put(writer, 12)
                writer.commit()
        an_interrupted_rebuild(path)
        with leading_to("d7v0", "d8v0"), open_writer(path, rebuild=True) as writer, beside("d7v0", "d8v0"):
            put(writer, 8)
            writer.commit()


def a_rebuild_that_is_dropped(path: Path) -> None:
    """It leaves a database that is broken without its log: a checkpoint moved some of its pages, a reader kept it
    from the newest."""
    writer = open_writer(path, rebuild=True)
    writer._database.all("PRAGMA wal_autocheckpoint = 0")
    with beside("d20v0", "d21v0", "d22v0"):
        for number in (20, 21, 22):
            put(writer, number, paragraphs=12)
        writer.commit()
    writer._database.all("PRAGMA wal_checkpoint(PASSIVE)")
    with beside("d21v0", "d22v0"):
        writer.remove_source(source(20).location)
        writer.commit()
    reader = database.open_reader(folder.unpublished(path)[0] / folder.DATABASE)
    reader.all("BEGIN")
    reader.all("SELECT count(*) FROM commits")
    with beside("d21v0", "d22v0", "d23v0"):
        put(writer, 23, paragraphs=1)
        writer.commit()
    writer._database.all("PRAGMA wal_checkpoint(PASSIVE)")
    writer.close()
    reader.close()
    with leading_to("d7v0", "d8v0", "d9v0"), open_writer(path) as writer:
        put(writer, 9)


def copies_that_take_its_place(path: Path) -> None:
    """Compacted, taken a snapshot of beside it, changed, put back; then what cannot be carried over is kept."""
    with leading_to("d7v0", "d8v0", "d9v0"):
        upkeep.compact(path)
    upkeep.snapshot(path, path.parent / "taken")
    with leading_to("d7v0", "d9v0"), open_writer(path) as writer:
        writer.remove_source(source(8).location)
    with leading_to("d7v0", "d8v0", "d9v0"):
        upkeep.restore(path.parent / "taken", path, replace=True)
    with leading_to("d13v0"), open_writer(path, rebuild=True) as writer, beside("d13v0"):
        writer.keep_replaced()
        put(writer, 13)
        writer.commit()


STEPS: tuple[Callable[[Path], None], ...] = (
    a_new_index,
    a_commit_without_a_derived_file,
    beside_a_reader,
    after_a_reader,
    a_rebuild,
    a_rebuild_that_is_dropped,
    copies_that_take_its_place,
)


def marked(call: Callable[..., object], without: str) -> Callable[..., object]:
    """The call of the operating system, announced with its place in `rag`."""

    def announced(*values: object, **named: object) -> object:
        place = place_of(sys._getframe(1))
        os.write(1, f"site {place}\n".encode())
        return None if place == without else call(*values, **named)

    return announced


def place_of(frame: FrameType | None) -> str:
    """The line of `rag` that asks for it, under its module and function."""
    while frame is not None:
        code = frame.f_code
        if code.co_filename.startswith(_RAG) and code.co_name not in WRAPPERS:
            line = linecache.getline(code.co_filename, frame.f_lineno).strip()
            return f"{Path(code.co_filename).stem}.{code.co_name}: {line}"
        frame = frame.f_back
    return "outside of rag"


def make_small() -> None:
    """Small limits, so that derived files come and go and SQLite moves its log into the database now and then."""
    dense.tail_limit = lambda base: min(base, 4)
    database._WRITER_SETTINGS = (*database._WRITER_SETTINGS, "wal_autocheckpoint = 30")  # type: ignore[assignment]


def main(path: Path, without: str) -> None:
    """All steps."""
    make_small()
    settings = database._WRITER_SETTINGS
    database._WRITER_SETTINGS = tuple(  # type: ignore[assignment]
        without if without.partition(" = ")[0] == setting.partition(" = ")[0] else setting for setting in settings
    )
    shutil._USE_CP_SENDFILE = False  # type: ignore[attr-defined]  # strace does not show the data of sendfile
    for name in MARKED:
        setattr(os, name, marked(getattr(os, name), without))
    for step in STEPS:
        step(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), " ".join(sys.argv[2:]))
