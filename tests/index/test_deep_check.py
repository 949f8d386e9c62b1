"""What no checksum shows: what was derived from the texts is not what would be derived from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.index import deep_check, dense, lexical_changes
from rag.index.index import Index
from rag.index.rows import Rows
from tests.index.samples import dense_file, filled, open_writer, put, source
from tests.index.test_damage import altered, rows_with_right_checksums


def deep(path: Path) -> list[str]:
    with Index.open(path) as index:
        assert index.check() == []
        return index.check(deep=True)


def test_a_sound_index_is_sound_to_its_ground(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deep_check, "_BATCH", 7)
    path = filled(tmp_path, range(8))
    assert deep(path) == []
    with open_writer(path) as writer:
        writer.remove_source(source(2).location)
        put(writer, 9)
    assert deep(path) == []
    with open_writer(path) as writer:
        for number in range(10):
            writer.remove_source(source(number).location)
    assert deep(path) == []


@pytest.mark.parametrize(
    ("place", "value", "says"),
    [
        (1, "0" * 32, "1 chunks have an id that is not of their place"),
        (5, '["Elsewhere"]', "1 chunks have the embedding of another text"),
        (5, '["Elsewhere"]', "1 chunks are known to lexical search by other words"),
    ],
)
def test_rows_that_do_not_follow_from_their_text_are_found(tmp_path: Path, place: int, value: str, says: str) -> None:
    def change(values: list[Any]) -> None:
        values[place] = value

    found = deep(rows_with_right_checksums(filled(tmp_path, [1]), "chunk", change, "row"))
    assert any(says in problem and "rag ingest FOLDER --rebuild --index" in problem for problem in found), found


def test_a_chunk_that_lexical_search_never_heard_of_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add: Callable[..., None] = lexical_changes.add

    def deaf(database: Any, entries: Any) -> None:
        add(database, [(row, {"something": 1}) for row, _ in entries])

    with monkeypatch.context() as patched:
        patched.setattr(lexical_changes, "add", deaf)
        path = filled(tmp_path, [1])
    assert any(re.search(r"[0-9]+ chunks are known to lexical search by other words", each) for each in deep(path))


def test_a_derived_file_of_other_vectors_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slabs = Rows.vector_slabs

    def rolled(rows: Rows, dimension: int, size: int) -> Iterator[Any]:
        return ((numbers, np.roll(vectors, 1, axis=0)) for numbers, vectors in slabs(rows, dimension, size))

    with monkeypatch.context() as patched:
        patched.setattr(Rows, "vector_slabs", rolled)
        path = filled(tmp_path, [1])
    assert any("its derived file holds other vectors than its rows" in problem for problem in deep(path))


def test_a_derived_file_that_this_faiss_cannot_read_is_not_taken_for_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path, [1])
    monkeypatch.setattr(dense, "_opened", lambda _data, copied=True: None)
    assert any("its derived file holds other vectors than its rows" in problem for problem in deep(path))


def test_what_is_damaged_already_is_not_looked_into(tmp_path: Path) -> None:
    path = altered(filled(tmp_path, [1]), "UPDATE document SET title = 'another'")
    dense_file(path).unlink()
    with Index.open(path) as index:
        assert index.check(deep=True) == index.check()
