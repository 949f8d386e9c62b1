"""Reads everything that an index holds and says what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from rag.errors import RagError
from rag.index import deep_check, dense_file, folder, lexical_check
from rag.index.database import damaged
from rag.index.rows import Rows
from rag.index.schema import PART

_COUNTS = {
    "chunks without an embedding": ("chunk", "embedding NOT IN (SELECT id FROM embedding)"),
    "embeddings without token vectors": ("embedding", "id NOT IN (SELECT embedding FROM token_vectors)"),
    "chunks that lexical search does not know": ("chunk", "row NOT IN (SELECT row FROM lexical_entry)"),
    "lexical entries without a chunk": ("lexical_entry", "row NOT IN (SELECT row FROM chunk)"),
    "documents without a source": (
        "document",
        "id NOT IN (SELECT document FROM source WHERE document IS NOT NULL)",
    ),
    "parts of texts that are longer than their documents": (
        "document_text",
        f"number * {PART} >= (SELECT characters FROM document WHERE id = document_text.document)",
    ),
}
_BATCH = 1000


def check(rows: Rows, derived: BinaryIO | None, *, deep: bool = False) -> list[str]:
    """A sentence for each thing that is wrong; empty where the index is sound.

    `derived` is the derived file of the commit, open, as a writer may have removed its name; None where it is missing.
    `deep` also derives from the texts again what was derived from them, where all else is sound.
    """
    rows.forget()
    problems: list[str] = []
    for part in _CHECKS:
        try:
            problems.extend(part(rows))
        except RagError as error:
            problems.append(str(error))
    problems = list(dict.fromkeys([*problems, *_derived(rows, derived)]))
    if deep and not problems:
        problems = [_damaged(rows, what) for what in deep_check.damage(rows, derived)]
    return problems


def _damaged(rows: Rows, what: str) -> str:
    """What is wrong with the database, and what mends it."""
    file = rows.database.file
    again = f"rag ingest FOLDER --rebuild {folder.flag(file.parent.parent)}"
    return f"{file} is damaged: {what}. Make the index anew from the source files with: {again}"


def _pages(rows: Rows) -> Iterator[str]:
    for (line,) in rows.database.all("PRAGMA integrity_check(20)"):
        if line != "ok":
            yield _damaged(rows, line)
    for table, row, parent, _ in rows.database.all("PRAGMA foreign_key_check"):
        yield _damaged(rows, f"row {row} of {table} names a {parent} that is not there")


def _whole(rows: Rows) -> Iterator[str]:
    rows.manifest()
    rows.commit()
    rows.codecs()
    rows.all_sources()
    yield from ()


def _documents(rows: Rows) -> Iterator[str]:
    for place in rows.document_places():
        try:
            rows.require_text(rows.head_at(place))
        except RagError as error:
            yield str(error)


def _chunks(rows: Rows) -> Iterator[str]:
    for (row,) in rows.database.all("SELECT row FROM chunk ORDER BY document, start"):
        try:
            rows.chunks([row])
        except RagError as error:
            yield str(error)


def _vectors(rows: Rows) -> Iterator[str]:
    for _ in rows.vector_slabs(rows.manifest().dimension):
        pass
    rows.check_idle()
    yield from ()


def _token_vectors(rows: Rows) -> Iterator[str]:
    codecs = rows.codecs()
    live = rows.live().tolist()
    for start in range(0, len(live), _BATCH):
        for number, blob in rows.token_vectors(live[start : start + _BATCH]):
            try:
                codecs[number].decode(blob)
            except (KeyError, ValueError) as error:
                raise damaged(rows.database.file, f"token vectors cannot be decoded ({error})") from error
    yield from ()


def _lexical(rows: Rows) -> Iterator[str]:
    for what in lexical_check.damage(rows.database):
        yield _damaged(rows, what)


def _totals(rows: Rows) -> Iterator[str]:
    commit = rows.commit()
    rows.next_row()
    rows.live()
    rows.languages()
    for what, (table, condition) in _COUNTS.items():
        if count := rows.database.all(f"SELECT count(*) FROM {table} WHERE {condition}")[0][0]:
            yield _damaged(rows, f"it has {count} {what}")
    if (counts := rows.counts()) != (wanted := (commit.documents, commit.sources, commit.chunks)):
        yield _damaged(rows, f"it has {counts} documents, sources and chunks, its last commit {wanted}")


def _derived(rows: Rows, derived: BinaryIO | None) -> Iterator[str]:
    commit = rows.commit()
    file = rows.database.file.parent / commit.dense
    again = "Searches are right but slower; the next rag ingest writes it anew."
    if commit.dense and derived is None:
        yield f"{file} is missing. {again}"
    elif derived is not None and not dense_file.sound(derived, commit, rows.manifest().dimension):
        yield f"{file} is damaged: it does not have its checksum. {again}"


_CHECKS: tuple[Callable[[Rows], Iterator[str]], ...] = (
    _pages,
    _whole,
    _documents,
    _chunks,
    _vectors,
    _token_vectors,
    _lexical,
    _totals,
)
