"""Rows of earlier formats as those of this one. What was embedded stays; what lexical search keeps is made anew.

format 1   no metadata; a row's checksum does not cover the table's name
format 2   lexical search by SQLite's FTS5
format 3   a document's text is one value of its row
format 4   schema.py
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from rag.index import lexical
from rag.index.database import Database, damaged
from rag.index.records import text_rows
from rag.index.rows import Rows
from rag.index.schema import FORMAT, checksum
from rag.text.context import embedded_text

Row = tuple[Any, ...]
Named = dict[str, Any]

_BATCH = {"document": 20}  # rows at once; of other tables:
_ROWS = 1000
_SUMMED = {
    "manifest": "key value",
    "commits": "number made documents sources chunks dense dense_sha256 dense_rows dense_last",
    "document": "id markup title pages metadata characters",
    "source": "location root path state document digest size mtime_ns inode reader reason fix stale given sidecar",
    "embedding": "id key vector",
    "codec": "number data",
    "token_vectors": "embedding codec data",
    "chunk": "row id document start stop heading table_header tokens language embedding",
}
"""The tables, in an order in which they can be filled, with the columns that a row's checksum covers."""
_BESIDE = {"embedding": ["released"]}
"""Columns that it does not cover."""
_SINCE_2 = {"document": {"metadata": "[]"}, "source": {"given": "[]", "sidecar": "[]"}}
"""Columns that came with format 2, and what they hold where nothing was said."""
_BEFORE_4 = {"document": "id markup title pages metadata text"}
"""The columns of tables that had others."""


def require_tables(old: Database, version: int) -> None:
    """Raise IndexDamaged where the tables of `old` are not those of its format."""
    for table in _SUMMED:
        found = {row[1] for row in old.all(f"PRAGMA table_info({table})")}
        if not found.issuperset([*_held(table, version), "crc", *_BESIDE.get(table, [])]):
            raise damaged(old.file, f"its table {table} is not that of format {version}")


def carry_over(old: Database, version: int, new: Database) -> None:
    """Fill the empty tables of `new` with what `old`, of the format `version`, holds. Raises IndexDamaged.

    The checksum of every row is compared before one of this format takes its place.
    """
    for table in _SUMMED:
        for batch in _batches(old, table, version):
            with _together(new):
                _insert(new, table, batch)
                for named in batch if table == "document" else []:
                    new.many("INSERT INTO document_text VALUES (?, ?, ?, ?)", text_rows(named["id"], _text(named)))
    # Rows of chunks are never used again, not even those of chunks that are gone.
    new.all("DELETE FROM sqlite_sequence WHERE name = 'chunk'")
    used = old.all("SELECT name, seq FROM sqlite_sequence WHERE name = 'chunk'")
    new.many("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", used)
    _fill_lexical(new)


def _batches(old: Database, table: str, version: int) -> Iterator[list[Named]]:
    """The rows of a table, some at a time, by the names of their columns. Raises IndexDamaged."""
    held, beside = _held(table, version), _BESIDE.get(table, [])
    asked = ", ".join(["rowid", *held, "crc", *beside])
    statement = f"SELECT {asked} FROM {table} WHERE rowid > ? ORDER BY rowid LIMIT {_BATCH.get(table, _ROWS)}"
    last = -1
    while found := old.all(statement, (last,)):
        if any(after <= before for before, after in pairwise([last, *(row[0] for row in found)])):
            raise damaged(old.file, f"the rows of {table} are out of order")
        last = found[-1][0]
        rows = [dict(zip([*held, "crc", *beside], values, strict=True)) for _, *values in found]
        for row in rows:
            own = [row[column] for column in held]
            if _checksum(version, table, own) != row["crc"]:
                raise damaged(old.file, f"a row of {table} ({str(own[0])[:60]}) does not have its checksum")
        yield [_SINCE_2.get(table, {}) | row for row in rows]


def _held(table: str, version: int) -> list[str]:
    """The columns of a table that the format has and a checksum covers."""
    since = _SINCE_2.get(table, {}) if version < 2 else {}
    return [column for column in _BEFORE_4.get(table, _SUMMED[table]).split() if column not in since]


def _insert(new: Database, table: str, rows: Sequence[Named]) -> None:
    """Put rows of an earlier format into the table as those of this one."""
    columns = [*_SUMMED[table].split(), "crc", *_BESIDE.get(table, [])]
    statement = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
    new.many(statement, [_row(table, named) for named in rows])


def _row(table: str, named: Named) -> Row:
    if table == "document":
        named = named | {"characters": len(_text(named))}
    values = _renewed(table, [named[column] for column in _SUMMED[table].split()])
    return (*values, checksum(table, *values), *(named[column] for column in _BESIDE.get(table, [])))


def _text(document: Named) -> str:
    text: bytes = document["text"]
    return text.decode("utf-8", "surrogatepass")


def _renewed(table: str, values: list[Any]) -> list[Any]:
    return ["format", str(FORMAT)] if table == "manifest" and values[0] == "format" else values


def _checksum(version: int, table: str, values: Sequence[Any]) -> int:
    """The checksum of a row as that format has it."""
    if version >= 2:
        return checksum(table, *values)
    crc = 0
    for value in values:
        data = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogatepass")
        crc = zlib.crc32(data, zlib.crc32(b"%d:" % len(data), crc))
    return crc


def _fill_lexical(new: Database) -> None:
    rows = Rows(new)
    live = rows.live().tolist()
    for start in range(0, len(live), _ROWS):
        numbers = live[start : start + _ROWS]
        texts = [(row, embedded_text(chunk)) for row, chunk in zip(numbers, rows.chunks(numbers), strict=True)]
        with _together(new):
            lexical.add(new, texts)


@contextmanager
def _together(new: Database) -> Iterator[None]:
    new.all("BEGIN IMMEDIATE")
    yield
    new.all("COMMIT")
