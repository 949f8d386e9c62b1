"""What a commit is made of: its row, and the derived file that it names, on disk before the row is."""

from __future__ import annotations

import time
from dataclasses import astuple, replace

from rag.index import dense, dense_build
from rag.index.database import Database
from rag.index.records import Commit
from rag.index.rows import Rows
from rag.index.schema import checksum


def following(rows: Rows, last: Commit, *, after: int = 0) -> Commit:
    """A commit of what the rows are now, numbered above `last` and above `after`; it names the file of `last`."""
    documents, sources, chunks = rows.counts()
    number = max(last.number, after) + 1
    return replace(last, number=number, made=time.time(), documents=documents, sources=sources, chunks=chunks)


def outgrown(rows: Rows, commit: Commit, family: str = "auto") -> bool:
    """Whether so many rows are newer than the derived file, or deleted since, that it is to be written anew.

    So it is where there are enough now for the `family` that is wanted.
    """
    in_base = int(
        rows.database.all("SELECT count(*) FROM chunk NOT INDEXED WHERE row <= ?", (commit.dense_last,))[0][0]
    )
    beside = (commit.chunks - in_base) + (commit.dense_rows - in_base)
    wanted = not commit.dense or dense_build.wants_codes(commit, family)
    return bool(commit.chunks and wanted) or beside > dense.tail_limit(commit.dense_rows)


def derived(rows: Rows, commit: Commit, dimension: int, family: str = "auto") -> Commit:
    """The commit with a derived file of all its rows, which is on disk when this returns; none where it has no rows.

    `family`: see `dense_build.write`.
    """
    if not commit.chunks:
        return replace(commit, dense="", dense_sha256="", dense_rows=0, dense_last=0)
    return dense_build.write(rows, commit, dimension, family)


def record(database: Database, commit: Commit) -> None:
    """Put the commit's row into the open transaction: it holds once that is committed."""
    places = ", ".join("?" * (len(values := astuple(commit)) + 1))
    database.all(f"INSERT INTO commits VALUES ({places})", (*values, checksum("commits", *values)))
