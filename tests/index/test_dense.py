from __future__ import annotations

import errno
import hashlib
import io
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import IndexDamaged
from rag.index import dense, dense_build, dense_file, upkeep
from rag.index.database import open_reader
from rag.index.index import Index
from rag.index.records import Commit
from rag.index.rows import Rows
from tests.index.samples import CHUNKING, EMBEDDER, database_file, filled, held, open_writer, put
from tests.index.samples import dense_file as dense_file_of

Floats = NDArray[np.float32]


def vectors(count: int, dimension: int = 16, seed: int = 0) -> NDArray[np.float16]:
    rows = np.random.default_rng(seed).standard_normal((count, dimension))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float16)


def part(base: int, tail: int, deleted: tuple[int, ...] = ()) -> tuple[dense.Dense, NDArray[np.int64], Floats]:
    """A dense part with rows 10, 13, 16, ..., those that are live, and their vectors."""
    rows = 10 + 3 * np.arange(base + tail, dtype=np.int64)
    all_vectors = vectors(base + tail)
    live = np.setdiff1d(rows, deleted)
    in_tail = np.isin(rows[base:], live)
    made = dense.Dense(
        dense._base(rows[:base], all_vectors[:base]), live, (rows[base:][in_tail], all_vectors[base:][in_tail])
    )
    return made, live, all_vectors[np.isin(rows, live)].astype(np.float32)


@pytest.mark.parametrize(
    ("base", "tail", "deleted"),
    [(50, 0, ()), (0, 50, ()), (40, 10, ()), (40, 10, (10, 13, 100, 139)), (1, 0, (10,)), (0, 0, ()), (9, 1, (22, 37))],
)
@pytest.mark.parametrize("k", [1, 7, 1000, 0, -1])
def test_search_is_exact(base: int, tail: int, deleted: tuple[int, ...], k: int) -> None:
    made, live, matrix = part(base, tail, deleted)
    query = vectors(1, seed=5)[0].astype(np.float32)
    products = matrix @ query
    best = np.argsort(-products, kind="stable")[: max(k, 0)]
    rows, scores = made.search(query, k)
    assert rows.tolist() == live[best].tolist()
    assert scores.tolist() == pytest.approx(products[best].tolist(), abs=1e-5)
    assert [rows.dtype.name, scores.dtype.name] == ["int64", "float32"]
    assert made.scores(query, live[::-1]).tolist() == pytest.approx(products[::-1].tolist(), abs=1e-5)


def test_search_among_some_rows_gives_only_those() -> None:
    made, live, matrix = part(40, 10, (10,))
    query = vectors(1, seed=5)[0].astype(np.float32)
    among = live[::3]
    order = np.argsort(-(matrix[::3] @ query))
    assert made.search(query, 8, among)[0].tolist() == among[order][:8].tolist()
    assert made.search(query, 8, np.empty(0, np.int64))[0].tolist() == []


@pytest.mark.usefixtures("coded")
@pytest.mark.parametrize("few", [False, True])
def test_many_vectors_at_once_find_what_each_finds(tmp_path: Path, few: bool) -> None:
    queries = vectors(9, 64, seed=5).astype(np.float32)
    among = ROWS[::7] if few else None
    for made in both(tmp_path, vectors(len(ROWS), 64)):
        for query, (rows, scores) in zip(queries, made.search_each(queries, 8, among), strict=True):
            wanted, products = made.search(query, 8, among)
            assert (rows.tolist(), scores.tolist()) == (wanted.tolist(), products.tolist())
    with_tail, live, _ = part(40, 10, (10, 139))
    found = with_tail.search_each(vectors(3, seed=5).astype(np.float32), 8, live[:0] if few else None)
    assert [len(rows) for rows, _ in found] == [0 if few else 8] * 3


@pytest.mark.parametrize("wrong", [9, 11, 10_000, -1])
def test_scores_of_a_row_that_is_not_there_are_an_error(wrong: int) -> None:
    for sizes in ((5, 5), (5, 0), (0, 5)):
        with pytest.raises(KeyError, match="not rows of this index"):
            part(*sizes)[0].scores(vectors(1)[0].astype(np.float32), np.array([10, wrong]))


def rows_of(folder: Path, rows: NDArray[np.int64], stored: NDArray[np.float16]) -> Any:
    """What `dense_build.write` asks of the rows of an index."""

    def slabs(_dimension: int, size: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float16]]]:
        for start in range(0, len(rows), size):
            yield rows[start : start + size], stored[start : start + size]

    database = SimpleNamespace(file=folder / "index.sqlite")
    return SimpleNamespace(database=database, vectors=lambda _dimension: (rows, stored), vector_slabs=slabs)


def written(folder: Path, rows: NDArray[np.int64], stored: NDArray[np.float16]) -> Commit:
    """A commit whose derived file is in the folder."""
    return dense_build.write(rows_of(folder, rows, stored), Commit(chunks=len(rows)), stored.shape[1])


def read(folder: Path, commit: Commit, dimension: int = 64, otherwise: Any = None) -> dense.Base | None:
    """The base in the derived file; the file stays open until the test ends."""
    OPEN.append((folder / commit.dense).open("rb"))
    return dense.read_base(OPEN[-1], commit, dimension, otherwise)


OPEN: list[BinaryIO] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    """Close the files that `read` opened."""
    yield
    while OPEN:
        OPEN.pop().close()


def test_the_derived_file_holds_the_rows_and_their_vectors(tmp_path: Path) -> None:
    rows = np.array([3, 4, 9], np.int64)
    commit = written(tmp_path, rows, vectors(3))
    assert (commit.dense_rows, commit.dense_last) == (3, 9)
    assert [file.name for file in tmp_path.iterdir()] == [commit.dense]
    base = read(tmp_path, commit, 16)
    assert base is not None
    assert base.rows.tolist() == [3, 4, 9]
    assert np.array_equal(base.vectors.at(np.arange(3)), vectors(3))
    assert written(tmp_path, rows, vectors(3)) == commit


def test_a_file_that_is_not_what_the_commit_says_is_not_used(tmp_path: Path) -> None:
    import faiss

    commit = written(tmp_path, np.array([3, 4, 9], np.int64), vectors(3))
    assert dense.read_base(None, commit, 16, nothing) is None
    assert read(tmp_path, commit, 17) is None
    (tmp_path / commit.dense).write_bytes((tmp_path / commit.dense).read_bytes()[:-1])
    assert read(tmp_path, commit, 16) is None
    flat: Any = faiss.IndexFlatIP(16)
    eight_bits = faiss.IndexScalarQuantizer(16, faiss.ScalarQuantizer.QT_8bit_direct, faiss.METRIC_INNER_PRODUCT)
    for other in (b"garbage", *(bytes(faiss.serialize_index(kind)) for kind in (flat, _numbered(eight_bits)))):
        (tmp_path / "d").write_bytes(other)
        named = Commit(dense="d", dense_sha256=hashlib.sha256(other).hexdigest(), dense_rows=3, dense_last=9)
        assert read(tmp_path, named, 16) is None


def nothing(rows: NDArray[np.int64]) -> NDArray[np.float16]:
    raise AssertionError(f"{rows} are read from the file")


def _numbered(inner: Any) -> Any:
    import faiss

    index = faiss.IndexIDMap(inner)
    index.add_with_ids(vectors(3).astype(np.float32), np.array([3, 4, 9]))
    return index


@pytest.mark.parametrize("harm", ["removed", "flipped", "cut", "emptied"])
def test_a_missing_or_wrong_file_costs_a_warning_and_no_answer(
    tmp_path: Path, harm: str, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(tmp_path / "index")
    query = EMBEDDER.embed_query("the valve of machine 3").vectors[0]
    with Index.open(path) as index:
        wanted = index.search_dense(query, 5)
    file = dense_file_of(path)
    good = file.read_bytes()
    if harm == "removed":
        file.unlink()
    else:
        flipped = bytes([*good[:200], good[200] ^ 4, *good[201:]])
        file.write_bytes({"flipped": flipped, "cut": good[:-9], "emptied": b""}[harm])
    with Index.open(path) as index, caplog.at_level(logging.WARNING):
        found = index.search_dense(query, 5)
        assert index.check() != []
    assert "is missing or damaged" in caplog.text
    assert found[0].tolist() == wanted[0].tolist()
    assert found[1].tolist() == pytest.approx(wanted[1].tolist(), abs=1e-6)
    with open_writer(path):
        pass
    assert dense_file_of(path).read_bytes() == good
    assert held(path) == {f"d{number}v0" for number in range(5)}


def test_small_commits_leave_the_derived_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 9)
    path = filled(tmp_path / "index")
    before = dense_file_of(path)
    with open_writer(path) as writer:
        put(writer, 100)
    assert dense_file_of(path) == before
    with open_writer(path) as writer:
        put(writer, 101)
        put(writer, 102)
    assert dense_file_of(path) != before
    query = EMBEDDER.embed_query("machine 101").vectors[0]
    with Index.open(path, embedder=EMBEDDER, chunking=CHUNKING) as index:
        assert len(index.search_dense(query, 1000)[0]) == index.status().chunks


def test_deleted_rows_make_the_file_new_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 6)
    path = filled(tmp_path / "index", range(6))
    before = dense_file_of(path)
    for location in ("/corpus/m0.md", "/corpus/m1.md", "/corpus/m2.md"):
        with open_writer(path) as writer:
            writer.remove_source(location)
    assert dense_file_of(path) != before
    for number in (3, 4, 5):
        with open_writer(path) as writer:
            writer.remove_source(f"/corpus/m{number}.md")
    assert held(path) == set()
    assert not list(database_file(path).parent.glob("*.faiss"))


def test_the_limit_grows_with_the_base() -> None:
    assert (dense.tail_limit(0), dense.tail_limit(10_000), dense.tail_limit(100_000)) == (2000, 2000, 20_000)


@pytest.fixture
def coded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large is smaller: a base of 2,000 rows has codes."""
    steps = ((4, 100), (2, 200), (1, 400))
    smaller = {"EXACT_LIMIT": 300, "STEPS": steps, "PROBES": 30, "RECALL_LEAST": 0.9, "_SLAB": 700}
    for name, value in smaller.items():
        monkeypatch.setattr(dense_build, name, value)
    monkeypatch.setattr(dense, "EFFORT_PER_HIT", 2)


ROWS = np.arange(5, 2005, dtype=np.int64)
SPARSE = np.arange(5, 6005, 3, dtype=np.int64)


def both(folder: Path, stored: NDArray[np.float16], live: NDArray[np.int64] = ROWS) -> tuple[dense.Dense, dense.Dense]:
    """The same vectors, searched by codes and exactly."""
    rows = ROWS if live[-1] <= ROWS[-1] else SPARSE
    base = read(folder, written(folder, rows, stored))
    assert base is not None
    assert base.facts is not None
    no_tail = (np.empty(0, np.int64), np.empty((0, 64), np.float16))
    return dense.Dense(base, live, no_tail), dense.Dense(dense._base(rows, stored), live, no_tail)


@pytest.mark.usefixtures("coded")
@pytest.mark.parametrize("rows", [ROWS, SPARSE])
def test_a_large_base_is_searched_by_codes_and_scored_exactly(tmp_path: Path, rows: NDArray[np.int64]) -> None:
    stored = vectors(len(rows), 64)
    by_codes, exactly = both(tmp_path, stored, rows)
    shared = 0
    for query in vectors(20, 64, seed=7).astype(np.float32):
        found, scores = by_codes.search(query, 10)
        places = np.searchsorted(rows, found)
        assert scores.tolist() == pytest.approx((stored[places].astype(np.float32) @ query).tolist(), abs=1e-5)
        assert (np.diff(scores) <= 0).all()
        shared += len(np.intersect1d(found, exactly.search(query, 10)[0]))
    assert shared >= 0.9 * 20 * 10
    assert np.array_equal(by_codes.vectors(rows[::-7]), stored[::-7].astype(np.float32))
    with pytest.raises(KeyError, match="not rows of this index"):
        by_codes.vectors(np.array([4]))


@pytest.mark.usefixtures("coded")
def test_the_file_says_how_it_is_searched_and_what_that_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = vectors(len(ROWS), 64)
    commit = written(tmp_path, ROWS, stored)
    with (tmp_path / commit.dense).open("rb") as file:
        kind, recall = dense.described(file, commit, 64)
        assert kind == "ivf"
        assert 0.9 <= recall <= 1
        assert dense_file.sound(file, commit, 64)
        assert dense.described(file, replace(commit, dense_sha256="another"), 64) == ("exact", 1.0)
    assert dense.described(None, commit, 64) == ("exact", 1.0)
    assert written(tmp_path, ROWS, stored) == commit
    monkeypatch.setattr(dense_build, "STEPS", ((32, 5), (16, 10), (1, 400)))
    base = read(tmp_path, written(tmp_path, ROWS, stored))
    assert base is not None
    assert base.facts is not None
    assert (base.facts.probes, base.facts.effort) == (32, 400), "more is tried until it is enough"
    monkeypatch.setattr(dense_build, "RECALL_LEAST", 1.1)
    for count in (2000, 9):
        commit = written(tmp_path, ROWS[:count], stored[:count])
        base = read(tmp_path, commit)
        assert base is not None
        assert base.facts is None
        with (tmp_path / commit.dense).open("rb") as file:
            assert dense.described(file, commit, 64) == ("exact", 1.0)
    assert not [file.name for file in tmp_path.iterdir() if file.name.startswith(".")]


def test_the_tenth_nearest_is_found_slab_by_slab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_build, "_SLAB", 7)
    stored, asked = vectors(40), vectors(2, seed=3).astype(np.float32)
    with records_of(tmp_path, np.arange(40), stored) as kept:
        wanted = np.sort(asked @ stored.astype(np.float32).T, axis=1)[:, -10]
        assert dense_build._tenth(kept, asked).tolist() == pytest.approx(wanted.tolist(), abs=1e-6)


@pytest.mark.usefixtures("coded")
@pytest.mark.parametrize("passes", ["every second", "few", "the farthest", "all but the deleted"])
def test_codes_and_a_filter(tmp_path: Path, passes: str) -> None:
    stored = vectors(len(ROWS), 64)
    query = vectors(1, 64, seed=7)[0].astype(np.float32)
    by_nearness = ROWS[np.argsort(-(stored.astype(np.float32) @ query))]
    among = {
        "every second": ROWS[::2],
        "few": ROWS[::50],
        "the farthest": np.sort(by_nearness[1800:]),
        "all but the deleted": np.setdiff1d(ROWS, by_nearness[:5]),
    }[passes]
    deleted = passes == "all but the deleted"
    by_codes, exactly = both(tmp_path, stored, among if deleted else ROWS)
    wanted = exactly.search(query, 8, None if deleted else among)[0].tolist()
    found = by_codes.search(query, 8, None if deleted else among)[0].tolist()
    assert len(found) == 8
    assert set(found) <= set(among.tolist())
    assert len(set(found) & set(wanted)) >= 6
    if passes == "few":
        assert found == wanted, "these are compared one by one"


@pytest.mark.usefixtures("coded")
def test_where_too_few_codes_of_the_nearest_lists_pass_all_lists_are_searched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dense_build, "STEPS", ((8, 50),))
    monkeypatch.setattr(dense_build, "RECALL_LEAST", 0)
    stored = vectors(len(ROWS), 64)
    query = vectors(1, 64, seed=7)[0].astype(np.float32)
    farthest = np.sort(ROWS[np.argsort(stored.astype(np.float32) @ query)][:1200])
    by_codes, _ = both(tmp_path, stored)
    probed: list[int] = []
    nearest = dense.nearest

    def listened(index: Any, asked: Floats, count: int, probes: int, selector: Any = None) -> Any:
        probed.append(probes)
        return nearest(index, asked, count, 1 if len(probed) == 1 else probes, selector)

    monkeypatch.setattr(dense, "nearest", listened)
    assert len(by_codes.search(query, 8, farthest)[0]) == 8
    assert len(probed) == 2
    assert probed[0] < probed[1] == 32


@pytest.mark.usefixtures("coded")
def test_many_hits_at_once_are_all_found(tmp_path: Path) -> None:
    stored = vectors(len(ROWS), 64)
    query = vectors(1, 64, seed=7)[0].astype(np.float32)
    products = np.sort(-(stored.astype(np.float32) @ query))
    by_codes, _ = both(tmp_path, stored)
    for k in (1000, 3000):
        _, scores = by_codes.search(query, k)
        assert scores.tolist() == pytest.approx((-products[: min(k, 2000)]).tolist(), abs=1e-5)
    assert len(by_codes.search(query, 400)[0]) == 400


@pytest.mark.usefixtures("coded")
def test_a_file_with_codes_that_this_faiss_cannot_read_is_not_used(tmp_path: Path) -> None:
    stored = vectors(len(ROWS), 64)
    commit = written(tmp_path, ROWS, stored)
    with (tmp_path / commit.dense).open("rb") as file:
        table = dense_file.table(file, commit, 64)
        assert dense.read_base(file, commit, 63, nothing) is None
    assert table is not None
    data = (tmp_path / commit.dense).read_bytes()
    other = read(tmp_path, written(tmp_path, ROWS[:1000], stored[:1000]))
    assert other is not None
    for codes in (b"not of FAISS", dense.serialised(other.index)):
        wrong = dense_file.Table(table.facts, table.rows, codes).data()
        (tmp_path / "d").write_bytes(data[: -len(table.data())] + wrong)
        named = replace(commit, dense="d", dense_sha256=hashlib.sha256(wrong).hexdigest())
        assert read(tmp_path, named) is None


@pytest.mark.usefixtures("coded")
def test_an_index_with_codes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path / "index", range(6))
    query = EMBEDDER.embed_query("machine 3").vectors[0]
    with Index.open(path) as index:
        wanted = index.search_dense(query, 5)[0].tolist()
        assert (index.status().dense, index.status().recall) == ("exact", 1.0)
    monkeypatch.setattr(dense_build, "EXACT_LIMIT", 3)
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 0)
    with open_writer(path) as writer:
        put(writer, 100)
    with Index.open(path) as index:
        assert index.status().dense == "ivf"
        assert index.check(deep=True) == []
        assert len(set(index.search_dense(query, 6)[0].tolist()) & set(wanted)) == 5
        (made := tmp_path / "copy").mkdir()
        index.copy(made)
        assert (made / dense_file_of(path).name).read_bytes() == dense_file_of(path).read_bytes()
    dense_file_of(path).unlink()
    with Index.open(path) as index:
        assert (index.status().dense, index.status().recall) == ("exact", 1.0)


@pytest.mark.usefixtures("coded")
def test_how_vectors_are_searched_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense_build, "CODES_LEAST", 20)
    path = filled(tmp_path / "index", range(6))

    def committed(family: str) -> tuple[int, str]:
        with open_writer(path, dense=family):
            pass
        with Index.open(path) as index:
            assert index.check(deep=True) == []
            return index.commit, index.status().dense

    assert committed("ivf") == (2, "ivf")
    assert committed("ivf") == committed("auto") == (2, "ivf")
    assert committed("exact") == (3, "exact")
    assert committed("auto") == committed("exact") == (3, "exact")
    monkeypatch.setattr(dense_build, "STEPS", ((2, 1),))
    assert committed("ivf") == (4, "ivf")  # whatever it finds
    with Index.open(path) as index:
        assert index.status().recall < dense_build.RECALL_LEAST
    upkeep.compact(path, dense="ivf")
    assert committed("auto") == (5, "ivf")
    upkeep.compact(path, dense="exact")
    assert committed("auto") == (6, "exact")
    upkeep.snapshot(path, tmp_path / "taken")
    upkeep.restore(tmp_path / "taken", path, replace=True, dense="ivf")
    assert committed("auto") == (7, "ivf")
    upkeep.restore(tmp_path / "taken", path, replace=True, dense="exact")
    assert committed("auto") == (8, "exact")
    monkeypatch.setattr(dense_build, "CODES_LEAST", 60)
    assert committed("ivf") == (8, "exact")  # too few rows for lists
    with open_writer(path, dense="ivf") as writer:
        put(writer, 50)
        writer.commit()
        for number in range(51, 55):
            put(writer, number)
    with Index.open(path) as index:
        assert (index.commit, index.status().dense) == (10, "ivf")


@pytest.mark.usefixtures("coded")
def test_a_vector_that_is_damaged_is_read_from_the_database_and_the_file_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dense_build, "EXACT_LIMIT", 3)
    path = filled(tmp_path / "index", range(6))
    query = EMBEDDER.embed_query("machine 3").vectors[0]
    with Index.open(path) as index:
        wanted = index.search_dense(query, 100)
    file = dense_file_of(path)
    good = file.read_bytes()
    record = dense_file.record_kind(EMBEDDER.dimension).itemsize
    bad = bytearray(good)
    for number in (0, 3):
        bad[len(dense_file.MAGIC) + number * record + 5] ^= 64
    file.write_bytes(bad)
    with Index.open(path) as index, caplog.at_level(logging.WARNING):
        for _ in range(2):
            found = index.search_dense(query, 100)
            assert found[0].tolist() == wanted[0].tolist()
            assert found[1].tolist() == wanted[1].tolist()
        assert any("does not have its checksum" in problem for problem in index.check())
    assert caplog.text.count("2 of its vectors do not have their checksum") == 1
    assert file.name in caplog.text
    with Index.open(path) as index:
        index.search_dense(query, 100)
        with open_writer(path):
            pass
        assert dense_file_of(path).read_bytes() == good
        assert index.refresh()
        assert index.search_dense(query, 100)[0].tolist() == wanted[0].tolist()
        assert index.check() == []


@contextmanager
def records_of(
    folder: Path, rows: NDArray[np.int64], stored: NDArray[np.float16], otherwise: Any = nothing
) -> Iterator[dense_file.Records]:
    """These vectors as records of a file."""
    (folder / "records").write_bytes(dense_file.MAGIC + dense_file.records(stored, rows))
    with (folder / "records").open("rb") as file:
        yield dense_file.Records(file, rows, stored.shape[1], otherwise)


@pytest.mark.parametrize("dimension", [16, 7])
def test_records_are_read_wherever_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dimension: int) -> None:
    monkeypatch.setattr(dense_file, "LONGEST", 9)
    rows, stored = 7 + 2 * np.arange(200, dtype=np.int64), vectors(200, dimension)
    with records_of(tmp_path, rows, stored) as kept:
        for places in ([], [0], [199], [5, 4, 3], [0, 199, 5, 5, 10, 100], list(range(200)), list(range(199, 0, -6))):
            assert np.array_equal(kept.at(np.array(places, np.int64)), stored[places])


@pytest.mark.parametrize("harm", ["cut", "swapped", "unreadable"])
def test_records_that_cannot_be_read_are_asked_for_elsewhere(
    tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, stored = np.arange(7, 207), vectors(200)
    asked: list[int] = []

    def otherwise(wanted: NDArray[np.int64]) -> NDArray[np.float16]:
        asked.extend(wanted.tolist())
        return stored[wanted - 7]

    with records_of(tmp_path, rows, stored, otherwise) as kept:
        data = (tmp_path / "records").read_bytes()
        size = dense_file.record_kind(16).itemsize
        last, first = data[-size:], data[-2 * size : -size]
        if harm == "unreadable":

            def refused(*_: object) -> bytes:
                raise OSError(errno.EIO, os.strerror(errno.EIO))

            monkeypatch.setattr(os, "pread", refused)
        else:
            with (tmp_path / "records").open("r+b") as file:
                file.truncate(len(data) - 3) if harm == "cut" else file.seek(-2 * size, os.SEEK_END)
                file.write(last + first) if harm == "swapped" else None
        assert np.array_equal(kept.at(np.array([3, 198, 199])), stored[[3, 198, 199]])
    assert asked == {"cut": [206], "swapped": [205, 206], "unreadable": [10, 205, 206]}[harm]


def test_a_read_that_gives_less_than_was_asked_for_is_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pread = os.pread
    with records_of(tmp_path, np.arange(20), vectors(20)) as kept:
        monkeypatch.setattr(os, "pread", lambda file, size, offset: pread(file, min(size, 7), offset))
        assert np.array_equal(kept.at(np.arange(20)), vectors(20))


@pytest.mark.usefixtures("coded")
def test_a_disk_that_reads_back_something_else_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "pread", lambda _file, size, _offset: bytes(size))
    with pytest.raises(OSError, match="not those written"):
        written(tmp_path, ROWS, vectors(len(ROWS), 64))
    assert not list(tmp_path.iterdir())


def test_vectors_slab_by_slab_are_those_of_all_rows(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    with open_writer(path) as writer:
        writer.remove_source("/corpus/m1.md")
    with closing_rows(path) as rows:
        numbers, stored = rows.vectors(32)
        for size in (1, 4, 1000):
            slabs = list(rows.vector_slabs(32, size))
            assert max(len(each) for each, _ in slabs) <= size
            assert np.array_equal(np.concatenate([each for each, _ in slabs]), numbers)
            assert np.array_equal(np.concatenate([each for _, each in slabs]), stored)
        assert np.array_equal(rows.vectors_of(numbers[::-2].tolist(), 32), stored[::-2])
        with pytest.raises(IndexDamaged, match="chunks are missing"):
            rows.vectors_of([1, 10_000], 32)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda found: found[:-1],
        lambda found: [(found[0][0], found[0][1] + 100), *found[1:]],
        lambda found: [*found, (10_000, 10_000)],
    ],
)
def test_a_table_and_an_index_that_differ_are_noticed_slab_by_slab(
    tmp_path: Path, wrong: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing_rows(filled(tmp_path / "index")) as rows:
        read_all = rows.database.all

        def lying(statement: str, values: Any = ()) -> Any:
            found = read_all(statement, values)
            return wrong(found) if found and "INDEXED BY chunk_embedding" in statement else found

        monkeypatch.setattr(rows.database, "all", lying)
        with pytest.raises(IndexDamaged, match="not the same wherever they are kept"):
            list(rows.vector_slabs(32, 1000))


@contextmanager
def closing_rows(path: Path) -> Iterator[Rows]:
    """The rows of an index."""
    database = open_reader(database_file(path))
    yield Rows(database)
    database.close()


class Unreadable(io.FileIO):
    """A file that is there and open, on a disk that gives nothing any more."""

    def read(self, *_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_file_that_cannot_be_read_costs_a_warning_and_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = filled(tmp_path)
    query = EMBEDDER.embed_query("machine 3").vectors[0]
    with Index.open(path) as index:
        wanted = index.search_dense(query, 5)[0].tolist()

    def failing(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    unreadable: Any = Unreadable(dense_file_of(path))
    with Index.open(path) as index:
        assert index._dense_file is not None
        index._dense_file.close()
        index._dense_file = unreadable
        monkeypatch.setattr(os, "pread", failing, raising=False)
        assert index.search_dense(query, 5)[0].tolist() == wanted
    assert "is missing or damaged; searching from the database instead" in caplog.text
