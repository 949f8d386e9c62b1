"""Which rows a search may look at: those in some languages, those that a filter lets through."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Condition
from rag.index.filters import OF_SOURCES, holds, source_holds
from rag.index.rows import Rows

Numbers = NDArray[np.int64]


def rows_in(rows: Rows, languages: Collection[str]) -> Numbers:
    """The rows of the chunks in these languages, ascending."""
    return _rows(rows, {"language": sorted(languages)})


def rows_where(rows: Rows, conditions: Iterable[Condition]) -> Numbers:
    """The rows of the chunks that meet all the conditions, ascending."""
    of_chunks = [condition for condition in conditions if condition.field not in OF_SOURCES]
    of_sources = [condition for condition in conditions if condition.field in OF_SOURCES]
    wanted: dict[str, list[str]] = {}
    for field in {condition.field for condition in of_chunks}:
        held = [condition for condition in of_chunks if condition.field == field]
        values = [value for (value,) in rows.database.all(f"SELECT DISTINCT {field} FROM chunk")]
        wanted[field] = [value for value in values if all(holds(each, _readable(field, value)) for each in held)]
    if of_sources:
        sources = [source for source in rows.all_sources() if source.document and source_holds(source, of_sources)]
        wanted["document"] = sorted({source.document or "" for source in sources})
    return _rows(rows, wanted)


def _readable(field: str, value: str) -> str:
    """A chunk's value as a condition takes it: of several headings, each between NULs."""
    return "\0".join(json.loads(value)) if field == "heading" else value


def _rows(rows: Rows, wanted: dict[str, list[str]]) -> Numbers:
    """The rows whose columns have one of the values wanted, ascending."""
    among = [f"{column} IN (SELECT value FROM json_each(?))" for column in wanted]
    found = rows.database.all(
        f"SELECT row FROM chunk {'WHERE ' + ' AND '.join(among) if among else ''} ORDER BY row",
        [json.dumps(values) for values in wanted.values()],
    )
    return np.array([row for (row,) in found], np.int64)
