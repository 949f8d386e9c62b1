"""Files that are whole and in the wrong place: of another commit, of another index, under another name.

Some of it cannot be told from inside. A database of an earlier commit without its log is an index at that commit, and
so is one whose log is missing or ends early; the database of another index is that index. Then the answers are to be
those of the one commit, and no mixture.

SQLite takes the log of another database for the one of its own. Where the two have pages at the same places a mixture
of two indexes is read, each row with its checksum: only what does not go together is noticed, and all that is promised
is that nothing but a RagError comes.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from tests.reliability import everything
from tests.reliability.asking import Answers, ask
from tests.reliability.damages import DATABASE, DERIVED, LOG, Changed
from tests.reliability.everything import Sound


@dataclass(frozen=True, slots=True)
class Exchange:
    """What became of which files, and the answers that may be given then; any where there are none."""

    name: str
    changed: Changed
    right: list[Answers]


def exchanges(folder: Path, good: Sound) -> list[Exchange]:
    """All of them, for the index in `folder` whose last commits are in its log."""
    everything.built(folder / "other", first=30)
    other = everything.sound(folder / "other-7")
    foreign = ask(folder / "other", good.documents, good.rows)[0]
    database, log, derived = (_named(good, end) for end in (DATABASE, LOG, DERIVED))
    their = {end: other.files[_named(other, end)] for end in (DATABASE, LOG, DERIVED)}
    whole = (folder / "other" / database).read_bytes()
    return [
        *_of_earlier_commits(folder, good),
        Exchange("database of another index", {database: whole, log: None}, [foreign]),
        Exchange("database of another index, all at once", {database: their[DATABASE], log: their[LOG]}, [foreign]),
        Exchange("database of another index beside our log", {database: whole}, []),
        Exchange("log of another index", {log: their[LOG]}, []),
        Exchange("derived file of another index", {derived: their[DERIVED]}, good.commits[-1:]),
        Exchange("database and derived file", _swapped(good, database, derived), good.commits[-1:]),
        Exchange("database and log", _swapped(good, database, log), good.commits[-1:]),
        Exchange("log and derived file", _swapped(good, log, derived), good.commits),
        Exchange("database and CURRENT", _swapped(good, database, "CURRENT"), good.commits[-1:]),
        Exchange("CURRENT and lock", _swapped(good, "CURRENT", "writer.lock"), good.commits[-1:]),
    ]


def _of_earlier_commits(folder: Path, good: Sound) -> Iterator[Exchange]:
    database, log, derived = (_named(good, end) for end in (DATABASE, LOG, DERIVED))
    for number in range(1, len(good.commits) - 1):
        earlier = folder / f"index-{number}"
        whole = (_folded(earlier, folder / "folded") / database).read_bytes()
        yield Exchange(f"database of commit {number}, no log", {database: whole, log: None}, [good.commits[number]])
        yield Exchange(f"database of commit {number}, newer log", {database: whole}, good.commits)
        yield Exchange(f"log of commit {number}", {log: (earlier / log).read_bytes()}, good.commits)
        held = next(earlier.rglob(f"*{DERIVED}")).read_bytes()
        yield Exchange(f"derived file of commit {number}", {derived: held}, good.commits[-1:])


def _folded(path: Path, to: Path) -> Path:
    """A copy of an index with its log folded into its database."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(path, to)
    with closing(sqlite3.connect(next(to.rglob(DATABASE)))) as connection:
        connection.execute("PRAGMA wal_checkpoint(truncate)")
    return to


def _named(good: Sound, end: str) -> str:
    return next(name for name in good.files if name.endswith(end))


def _swapped(good: Sound, one: str, other: str) -> Changed:
    return {one: good.files[other], other: good.files[one]}
