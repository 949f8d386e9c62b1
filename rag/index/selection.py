"""Which rows a search may look at: those in some languages, those that a filter lets through."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Condition
from rag.index.database import damaged
from rag.index.filters import META, OF_CHUNKS, check_keys, holds, merged, source_holds
from rag.index.rows import Rows

Numbers = NDArray[np.int64]


def rows_in(rows: Rows, languages: Collection[str]) -> Numbers:
    """The rows of the chunks in these languages, ascending."""
    return _rows(rows, {"language": sorted(languages)})


def rows_where(rows: Rows, conditions: Sequence[Condition]) -> Numbers:
    """The rows of the chunks that meet all the conditions, ascending.

    Raises FilterError for a key of metadata that no document of the index has.
    """
    wanted: dict[str, list[str]] = {}
    for field in OF_CHUNKS:
        held = [condition for condition in conditions if condition.field == field]
        if held:
            values = list(rows.languages()) if field == "language" else rows.headings()
            wanted[field] = [value for value in values if all(holds(each, _readable(field, value)) for each in held)]
    of_files = [condition for condition in conditions if condition.field not in OF_CHUNKS]
    if of_files:
        wanted["document"] = _documents(rows, of_files)
    return _rows(rows, wanted)


def _documents(rows: Rows, conditions: Sequence[Condition]) -> list[str]:
    """The documents that lie in a file which meets all the conditions."""
    own = rows.document_metadata() if any(each.field.startswith(META) for each in conditions) else {}
    sources = [(source, source.document) for source in rows.all_sources() if source.document]
    check_keys(conditions, {key for source, name in sources for key in merged(source, own.get(name, ()))})
    return sorted({name for source, name in sources if source_holds(source, own.get(name, ()), conditions)})


def _readable(field: str, value: str) -> str:
    """A chunk's value as a condition takes it: of several headings, each between NULs."""
    return "\0".join(json.loads(value)) if field == "heading" else value


def _rows(rows: Rows, wanted: dict[str, list[str]]) -> Numbers:
    """The rows whose columns have one of the values wanted, ascending.

    Raises IndexDamaged where the table has others than its indexes: neither has a checksum that covers what is absent.
    """
    if not wanted:
        return rows.live()
    among = " AND ".join(f"{column} IN (SELECT value FROM json_each(?))" for column in wanted)
    values = [json.dumps(each) for each in wanted.values()]
    index = next((f"INDEXED BY chunk_{column}" for column in ("document", "language") if column in wanted), "")
    own = rows.database.all(f"SELECT row FROM chunk {index} WHERE {among}", values)
    found = np.array([row for (row,) in own], np.int64)
    again = rows.database.all(f"SELECT count(*), total(row) FROM chunk NOT INDEXED WHERE {among}", values)
    if again != [(len(found), float(found.sum()))]:
        raise damaged(rows.database.file, "what its chunks are filtered by is not the same wherever it is kept")
    return np.sort(found)
