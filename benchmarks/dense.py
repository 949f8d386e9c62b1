"""Dense search at size: what it finds, what it costs, and what of it lies in memory.

    python benchmarks/dense.py [--rows 1000000] [--queries 300]
    python benchmarks/dense.py --simulated [--rows 10000000] [--queries 300]

Nobody has a million chunks at hand, so vectors are made of real ones: the embedder's token vectors of a stretch of one
text of corpora/polyglot, averaged as the embedder does, with a share of at most a half of a stretch of another text
mixed in. Most are close to many others: the first and the hundredth of a question differ by .015 in the mean, which is
harder than chunks are. Questions are those of corpora/polyglot, embedded as they are for a search.

Simulated ones are unit vectors around 100,000 centres, which lie around 1,000 others; questions are as far from the
vectors of a cluster as these are from one another. They are made again whenever they are read, so that ten million fit.

The index is searched in a process of its own. "memory" is what the process has more after opening and a search than
before: pages of the file that the system keeps are not in it.
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import resource
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Protocol, cast

import numpy as np
from numpy.typing import NDArray
from polyglot import organisations

from rag import load_embedder
from rag.index import dense, dense_build
from rag.index.chunking import Chunking
from rag.index.records import Commit
from rag.index.rows import Rows
from rag.index.split import split
from rag.protocols import Embedder
from rag.text.context import embedded_text

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Numbers = NDArray[np.int64]

LEAST = 20  # tokens of a stretch
PAPERS = 1000
CENTRES, ABOVE = 100_000, 1000
DIMENSION = 384
SLAB = 50_000
DEEPEST = 100
STEPS = (1, 2, 5, 25)


class Vectors(Protocol):
    """Vectors (n, d) that are read from the first to the last."""

    count: int

    def slab(self, start: int, stop: int) -> Halves:
        """The vectors of these places."""


class Mixed:
    """Vectors in memory."""

    def __init__(self, embedder: Embedder, count: int) -> None:
        self.count = count
        self._vectors = made(embedder, count)

    def slab(self, start: int, stop: int) -> Halves:
        return self._vectors[start:stop]


class Simulated:
    """Vectors that are drawn when they are asked for, the same every time."""

    def __init__(self, count: int) -> None:
        self.count = count
        drawn = np.random.default_rng(3)
        above = drawn.standard_normal((ABOVE, DIMENSION), np.float32)
        self._centres = near(above[drawn.integers(0, ABOVE, CENTRES)], drawn)

    def slab(self, start: int, stop: int) -> Halves:
        drawn = np.random.default_rng([4, start])
        return unit(near(self._centres[drawn.integers(0, CENTRES, stop - start)], drawn)).astype(np.float16)

    def questions(self, count: int) -> Floats:
        """Vectors (count, d) of the same kind that are not among the others."""
        drawn = np.random.default_rng(5)
        return unit(near(self._centres[drawn.integers(0, CENTRES, count)], drawn))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--simulated", action="store_true")
    options = parser.parse_args()
    vectors: Vectors
    if options.simulated:
        vectors = Simulated(options.rows or 10_000_000)
        asked = vectors.questions(options.queries)
    else:
        embedder = load_embedder()
        vectors, asked = Mixed(embedder, options.rows or 1_000_000), questions(embedder, options.queries)
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        commit = dense_build.write(read_from(vectors, Path(folder)), Commit(chunks=vectors.count), asked.shape[1])
        file = Path(folder) / commit.dense
        bytes_each = file.stat().st_size / vectors.count
        print(f"{vectors.count} rows written in {time.perf_counter() - started:.0f} s, {bytes_each:.0f} bytes each")
        print("| rows that pass | p50 / p95 ms | recall@10 | recall@100 |")
        print("|---|---:|---:|---:|")
        wanted = nearest(vectors, asked)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            print(pool.apply(shown, (file, commit, asked, wanted)))


def read_from(vectors: Vectors, folder: Path) -> Rows:
    """What `dense_build.write` asks of the rows of an index."""

    def slabs(_dimension: int, size: int) -> Iterator[tuple[Numbers, Halves]]:
        for start in range(0, vectors.count, size):
            stop = min(start + size, vectors.count)
            yield np.arange(start + 1, stop + 1), vectors.slab(start, stop)

    def every(_dimension: int) -> tuple[Numbers, Halves]:
        return np.arange(1, vectors.count + 1), vectors.slab(0, vectors.count)

    database = SimpleNamespace(file=folder / "index.sqlite")
    return cast(Rows, SimpleNamespace(database=database, vectors=every, vector_slabs=slabs))


def shown(file: Path, commit: Commit, asked: Floats, wanted: dict[int, Numbers]) -> str:
    """Open the file and search it: a table's lines, and what it took."""
    warm = dense._flat(np.arange(9), np.ones((9, 8), np.float16))  # FAISS itself is not the index's
    before, started = resident(), time.perf_counter()
    with file.open("rb") as opened:
        base = dense.read_base(opened, commit, asked.shape[1], lambda rows: np.zeros((len(rows), 1), np.float16))
        assert base is not None
        part = dense.Dense(base, base.rows, (np.empty(0, np.int64), np.empty((0, asked.shape[1]), np.float16)))
        part.search(asked[0], 10)
        spent, after = time.perf_counter() - started, resident()
        lines = []
        for step, truth in wanted.items():
            p50, found = timed(part, asked, base.rows[::step] if step > 1 else None)
            shares = [f"{recall(found, truth, depth):.4f}" for depth in (10, DEEPEST)]
            lines.append(f"| one in {step} | {p50} | {' | '.join(shares)} |")
    most = 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))[0])
    each = (after - before) / commit.dense_rows
    del warm
    return "\n".join(
        [
            *lines,
            f"opened and searched once in {spent:.2f} s; memory {each:.1f} bytes a vector, "
            f"{after / 1e6:.0f} MB in all, {most / 1e6:.0f} MB at most; {base.facts}",
        ]
    )


def resident() -> int:
    """Bytes of memory that this process has now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


def nearest(vectors: Vectors, asked: Floats) -> dict[int, Numbers]:
    """Rows (n, DEEPEST) of the nearest among every row, every second and so on, exactly."""
    none = np.empty((len(asked), 0), np.float32), np.empty((len(asked), 0), np.int64)
    best = dict.fromkeys(STEPS, none)
    for start in range(0, vectors.count, SLAB):
        stop = min(start + SLAB, vectors.count)
        products = asked @ vectors.slab(start, stop).astype(np.float32).T
        places = np.arange(start, stop)
        for step, (scores, rows) in best.items():
            passing = places % step == 0
            scores = np.concatenate([scores, products[:, passing]], axis=1)
            rows = np.concatenate([rows, np.tile(places[passing] + 1, (len(asked), 1))], axis=1)
            kept = np.argpartition(-scores, DEEPEST, axis=1)[:, :DEEPEST]
            best[step] = np.take_along_axis(scores, kept, 1), np.take_along_axis(rows, kept, 1)
    return {step: np.take_along_axis(rows, np.argsort(-scores, axis=1), 1) for step, (scores, rows) in best.items()}


def near(centres: Floats, drawn: np.random.Generator) -> Floats:
    """Vectors around centres, each as far from its own as that is long."""
    away = drawn.standard_normal(centres.shape, np.float32)
    return np.asarray(unit(centres) + 0.7 * unit(away), np.float32)


def unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def made(embedder: Embedder, count: int) -> Halves:
    """Unit vectors (count, d) of stretches of texts, mixed."""
    papers = [paper for organisation in organisations() for paper in organisation.papers][:PAPERS]
    texts = [embedded_text(chunk) for paper in papers for chunk in split(paper.document, embedder, Chunking())]
    tokens = [each for each in embedder.embed_texts(texts, tokens=True).tokens if len(each) > LEAST]
    sums = [np.concatenate([np.zeros_like(each[:1]), np.cumsum(each, axis=0)]) for each in tokens]
    drawn = np.random.default_rng(1)
    lengths = np.array([len(each) for each in tokens])
    first, second = drawn.choice(len(tokens), (2, count), p=lengths / lengths.sum())
    shares = drawn.uniform(0, 0.5, count).astype(np.float32)
    vectors = np.empty((count, embedder.dimension), np.float16)
    for place in range(count):
        one, other = (stretch(sums[each[place]], drawn) for each in (first, second))
        mixed = (1 - shares[place]) * one + shares[place] * other
        vectors[place] = mixed / np.linalg.norm(mixed)
    return vectors


def stretch(sums: Floats, drawn: np.random.Generator) -> Floats:
    """The mean of a stretch of token vectors, given their sums from the first on."""
    length = int(drawn.integers(LEAST, len(sums)))
    start = int(drawn.integers(0, len(sums) - length))
    return np.asarray((sums[start + length] - sums[start]) / length, np.float32)


def questions(embedder: Embedder, count: int) -> Floats:
    """Vectors (count, d) of questions of corpora/polyglot."""
    texts = [each.text for one in organisations() for paper in one.papers for each in paper.questions]
    drawn = np.random.default_rng(2).choice(len(texts), count, replace=False)
    return np.stack([embedder.embed_query(texts[place]).vectors[0] for place in drawn])


def timed(part: dense.Dense, asked: Floats, among: Numbers | None) -> tuple[str, list[Numbers]]:
    """The median and the 95th percentile of a search for DEEPEST rows in milliseconds, and what was found."""
    part.search(asked[0], DEEPEST, among)
    found, spent = [], []
    for vector in asked:
        started = time.perf_counter()
        found.append(part.search(vector, DEEPEST, among)[0])
        spent.append(1000 * (time.perf_counter() - started))
    return f"{np.median(spent):.1f} / {np.percentile(spent, 95):.1f}", found


def recall(found: list[Numbers], wanted: Numbers, depth: int) -> float:
    """The mean share of the `depth` nearest that are among the first `depth`."""
    pairs = zip(found, wanted, strict=True)
    return float(np.mean([len(np.intersect1d(one[:depth], other[:depth])) / depth for one, other in pairs]))


if __name__ == "__main__":
    main()
