from __future__ import annotations

import io
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.index import dense
from rag.index.index import Index
from rag.index.records import Commit
from tests.index.samples import CHUNKING, EMBEDDER, database_file, dense_file, filled, held, open_writer, put

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


@pytest.mark.parametrize("wrong", [9, 11, 10_000, -1])
def test_scores_of_a_row_that_is_not_there_are_an_error(wrong: int) -> None:
    for sizes in ((5, 5), (5, 0), (0, 5)):
        with pytest.raises(KeyError, match="not rows of this index"):
            part(*sizes)[0].scores(vectors(1)[0].astype(np.float32), np.array([10, wrong]))


def test_the_derived_file_holds_the_rows_and_their_vectors() -> None:
    rows = np.array([3, 4, 9], np.int64)
    data = dense.serialised(rows, vectors(3))
    commit = Commit(dense=dense.file_name(data), dense_sha256=dense._sha256(data), dense_rows=3, dense_last=9)
    base = dense._read(io.BytesIO(data), commit, 16)
    assert base is not None
    assert base.rows.tolist() == [3, 4, 9]
    assert np.array_equal(base.vectors, vectors(3))
    assert dense.serialised(rows, vectors(3)) == data


def test_a_file_that_is_not_what_the_commit_says_is_not_used() -> None:
    import faiss

    rows = np.array([3, 4, 9], np.int64)
    data = dense.serialised(rows, vectors(3))
    commit = Commit(dense="d", dense_sha256=dense._sha256(data), dense_rows=3, dense_last=9)
    assert dense._read(io.BytesIO(data[:-1]), commit, 16) is None
    assert dense._read(None, commit, 16) is None
    assert dense._read(io.BytesIO(data), commit, 17) is None
    flat: Any = faiss.IndexFlatIP(16)
    eight_bits = faiss.IndexScalarQuantizer(16, faiss.ScalarQuantizer.QT_8bit_direct, faiss.METRIC_INNER_PRODUCT)
    for other in (b"garbage", *(bytes(faiss.serialize_index(kind)) for kind in (flat, _numbered(eight_bits)))):
        named = Commit(dense="d", dense_sha256=dense._sha256(other), dense_rows=3, dense_last=9)
        assert dense._read(io.BytesIO(other), named, 16) is None


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
    file = dense_file(path)
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
    assert dense_file(path).read_bytes() == good
    assert held(path) == {f"d{number}v0" for number in range(5)}


def test_small_commits_leave_the_derived_file_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 6)
    path = filled(tmp_path / "index")
    before = dense_file(path)
    with open_writer(path) as writer:
        put(writer, 100)
    assert dense_file(path) == before
    with open_writer(path) as writer:
        put(writer, 101)
        put(writer, 102)
    assert dense_file(path) != before
    query = EMBEDDER.embed_query("machine 101").vectors[0]
    with Index.open(path, embedder=EMBEDDER, chunking=CHUNKING) as index:
        assert len(index.search_dense(query, 1000)[0]) == index.status().chunks


def test_deleted_rows_make_the_file_new_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 6)
    path = filled(tmp_path / "index", range(6))
    before = dense_file(path)
    for location in ("/corpus/m0.md", "/corpus/m1.md", "/corpus/m2.md"):
        with open_writer(path) as writer:
            writer.remove_source(location)
    assert dense_file(path) != before
    for number in (3, 4, 5):
        with open_writer(path) as writer:
            writer.remove_source(f"/corpus/m{number}.md")
    assert held(path) == set()
    assert not list(database_file(path).parent.glob("*.faiss"))


def test_the_limit_grows_with_the_base() -> None:
    assert (dense.tail_limit(0), dense.tail_limit(10_000), dense.tail_limit(100_000)) == (2000, 2000, 20_000)


@pytest.fixture
def coded(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is large is smaller: a base of 2,000 rows has codes, in three parts."""
    smaller = {"EXACT_LIMIT": 300, "EFFORT": 200, "EFFORT_PER_HIT": 2, "CODED_SHARE": 4, "PART": 700, "PROBES": 30}
    for name, value in {**smaller, "RECALL_LEAST": 0.9}.items():
        monkeypatch.setattr(dense, name, value)


def read(rows: NDArray[np.int64], stored: NDArray[np.float16]) -> dense.Base:
    """The base in the file of these rows."""
    data = dense.serialised(rows, stored)
    base = dense._read(io.BytesIO(data), named(data, rows), stored.shape[1])
    assert base is not None
    return base


def named(data: bytes, rows: NDArray[np.int64]) -> Commit:
    """A commit that names these bytes."""
    return Commit(dense="d", dense_sha256=dense._sha256(data), dense_rows=len(rows), dense_last=int(rows[-1]))


def exact_only(base: dense.Base) -> dense.Base:
    """The same base without its codes."""
    return dense.Base(base.index, base.rows, base.vectors)


ROWS = np.arange(5, 2005, dtype=np.int64)


@pytest.mark.usefixtures("coded")
def test_a_large_base_is_searched_by_codes_and_scored_exactly() -> None:
    stored = vectors(len(ROWS), 64)
    base = read(ROWS, stored)
    assert base.codes is not None
    by_codes, exactly = (dense.Dense(each, ROWS, dense._nothing(64)) for each in (base, exact_only(base)))
    shared = 0
    for query in vectors(20, 64, seed=7).astype(np.float32):
        rows, scores = by_codes.search(query, 10)
        assert scores.tolist() == pytest.approx((stored[rows - 5].astype(np.float32) @ query).tolist(), abs=1e-5)
        assert (np.diff(scores) <= 0).all()
        shared += len(np.intersect1d(rows, exactly.search(query, 10)[0]))
    assert shared >= 0.95 * 20 * 10


@pytest.mark.usefixtures("coded")
def test_the_file_says_how_it_is_searched_and_what_that_finds(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = vectors(len(ROWS), 64)
    data = dense.serialised(ROWS, stored)
    kind, recall = dense.described(io.BytesIO(data))
    assert kind == "coded"
    assert 0.9 <= recall <= 1
    assert dense.serialised(ROWS, stored) == data
    base = dense._read(io.BytesIO(data), named(data, ROWS), 64)
    assert base is not None
    assert base.codes is not None
    assert dense._recall(base.codes.index, stored, *probes(stored), base.codes.effort) == pytest.approx(
        recall, abs=1e-4
    )
    monkeypatch.setattr(dense, "EFFORT", 20)
    facts, _ = dense._facts(dense.serialised(ROWS, stored)[:4096])
    assert 20 < facts["effort"] <= 320, "raised until it is enough"
    assert facts["recall"] >= 0.9
    monkeypatch.setattr(dense, "RECALL_LEAST", 1.1)
    for tried in (dense.serialised(ROWS, stored), dense.serialised(ROWS[:9], stored[:9])):
        assert dense.described(io.BytesIO(tried)) == ("exact", 1.0)


def probes(stored: NDArray[np.float16]) -> tuple[NDArray[np.int64], Floats]:
    drawn = dense._drawn(len(stored), dense.PROBES)
    return drawn, dense._tenth(stored, drawn)


def test_the_tenth_nearest_is_the_tenth_beside_the_probe_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "_SLAB", 7)
    stored = vectors(40)
    matrix = stored.astype(np.float32)
    wanted = np.sort(matrix[[3, 39]] @ matrix.T, axis=1)[:, -11]
    assert dense._tenth(stored, np.array([3, 39])).tolist() == pytest.approx(wanted.tolist(), abs=1e-6)
    assert len(dense._tenth(stored[:4], np.array([1]))) == 1


@pytest.mark.usefixtures("coded")
@pytest.mark.parametrize("passes", ["every second", "few", "the farthest", "all but the deleted"])
def test_codes_and_a_filter(passes: str) -> None:
    stored = vectors(len(ROWS), 64)
    query = vectors(1, 64, seed=7)[0].astype(np.float32)
    by_nearness = ROWS[np.argsort(-(stored.astype(np.float32) @ query))]
    among = {
        "every second": ROWS[::2],
        "few": ROWS[::50],
        "the farthest": np.sort(by_nearness[1000:]),
        "all but the deleted": np.setdiff1d(ROWS, by_nearness[:5]),
    }[passes]
    base = read(ROWS, stored)
    deleted = passes == "all but the deleted"
    by_codes, exactly = (
        dense.Dense(each, among if deleted else ROWS, dense._nothing(64)) for each in (base, exact_only(base))
    )
    wanted = exactly.search(query, 8, None if deleted else among)[0].tolist()
    found = by_codes.search(query, 8, None if deleted else among)[0].tolist()
    assert set(found) <= set(among.tolist())
    assert len(set(found) & set(wanted)) >= 7
    if passes in ("few", "the farthest"):
        assert found == wanted, "these are compared one by one"


@pytest.mark.usefixtures("coded")
def test_many_hits_at_once_are_looked_for_exactly() -> None:
    stored = vectors(len(ROWS), 64)
    query = vectors(1, 64, seed=7)[0].astype(np.float32)
    base = read(ROWS, stored)
    _, scores = dense.Dense(base, ROWS, dense._nothing(64)).search(query, 400)
    products = np.sort(-(stored.astype(np.float32) @ query))[:400]
    assert scores.tolist() == pytest.approx((-products).tolist(), abs=1e-5)


@pytest.mark.usefixtures("coded")
def test_parts_are_searched_one_after_the_other_where_faiss_has_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    import faiss

    stored = vectors(len(ROWS), 64)
    query = vectors(1, 64, seed=7)[0].astype(np.float32)
    several = dense.Dense(read(ROWS, stored), ROWS, dense._nothing(64)).search(query, 8)
    monkeypatch.setattr(faiss, "omp_get_max_threads", lambda: 1)
    one = dense.Dense(read(ROWS, stored), ROWS, dense._nothing(64)).search(query, 8)
    assert one[0].tolist() == several[0].tolist()


@pytest.mark.usefixtures("coded")
@pytest.mark.parametrize(
    "wrong",
    [
        lambda data: data.replace(b'"kind"', b'"kond"', 1),
        lambda data: data.replace(b"{", b"[", 1),
        lambda data: data.replace(b'"parts": [', b'"parts": [0, ', 1),
        lambda data: data.replace(b'"parts": [', b'"parts": [true, ', 1),
        lambda data: data.replace(b'"effort": ', b'"effort": -', 1),
        lambda data: data.replace(b'"parts": [', b'"parts": [999999999, ', 1),
        lambda data: data.replace(b'"parts": [', b'"parts": [9, ', 1),
        lambda data: data[: data.index(b"\n")],
        lambda data: data[:-1],
        lambda data: b"rag dense " + b"[" * 4000 + data[data.index(b"\n") :],
        lambda data: b"rag dense [1]\n" + data[data.index(b"\n") + 1 :],
        lambda data: b"rag dense {}\n" + data[data.index(b"\n") + 1 :],
    ],
)
def test_a_file_with_codes_that_is_not_as_it_should_be_is_not_used(wrong: Any) -> None:
    stored = vectors(len(ROWS), 64)
    data = wrong(dense.serialised(ROWS, stored))
    assert dense._read(io.BytesIO(data), named(data, ROWS), 64) is None


@pytest.mark.usefixtures("coded")
def test_codes_of_other_vectors_are_not_used_but_the_vectors_are(caplog: pytest.LogCaptureFixture) -> None:
    good, fewer, narrower = (
        dense.serialised(ROWS[:count], vectors(count, dimension))
        for count, dimension in ((2000, 64), (1000, 64), (2000, 32))
    )
    facts, start = dense._facts(good[:4096])
    flat = good[start + sum(facts["parts"]) :]
    for other in (fewer, narrower):
        facts, start = dense._facts(other[:4096])
        mixed = other[: start + sum(facts["parts"])] + flat
        base = dense._read(io.BytesIO(mixed), named(mixed, ROWS), 64)
        assert base is not None
        assert base.codes is None
        assert "cannot read the index's codes" in caplog.text
        caplog.clear()


def test_an_index_with_codes_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path / "index", range(6))
    query = EMBEDDER.embed_query("machine 3").vectors[0]
    with Index.open(path) as index:
        wanted = index.search_dense(query, 5)[0].tolist()
        assert (index.status().dense, index.status().recall) == ("exact", 1.0)
    monkeypatch.setattr(dense, "EXACT_LIMIT", 3)
    monkeypatch.setattr(dense, "CODED_SHARE", 0.001)
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 0)
    with open_writer(path) as writer:
        put(writer, 100)
    with Index.open(path) as index:
        assert index.status().dense == "coded"
        assert index.check() == []
        assert len(set(index.search_dense(query, 6)[0].tolist()) & set(wanted)) == 5
    dense_file(path).unlink()
    with Index.open(path) as index:
        assert (index.status().dense, index.status().recall) == ("exact", 1.0)
