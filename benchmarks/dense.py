"""Dense search at size: by codes and exactly, what it finds and what it costs.

    python benchmarks/dense.py [--rows 1000000] [--queries 300]

Nobody has a million chunks at hand, so vectors are made of real ones: the embedder's token vectors of a stretch of one
text of corpora/polyglot, averaged as the embedder does, with a share of at most a half of a stretch of another text
mixed in. Most are close to many others: the first and the hundredth of a question differ by .015 in the mean, which is
harder than chunks are. Questions are those of corpora/polyglot, embedded as they are for a search.
"""

from __future__ import annotations

import argparse
import io
import time

import numpy as np
from numpy.typing import NDArray
from polyglot import organisations

from rag import load_embedder
from rag.index import dense
from rag.index.chunking import Chunking
from rag.index.records import Commit
from rag.index.split import split
from rag.protocols import Embedder
from rag.text.context import embedded_text

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]
Numbers = NDArray[np.int64]

LEAST = 20  # tokens of a stretch
PAPERS = 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    embedder = load_embedder()
    vectors, asked = made(embedder, options.rows), questions(embedder, options.queries)
    rows = np.arange(1, len(vectors) + 1)
    started = time.perf_counter()
    data = dense.serialised(rows, vectors)
    print(f"{len(rows)} rows written in {time.perf_counter() - started:.1f} s, {len(data) / len(rows):.0f} bytes each")
    commit = Commit(dense_sha256=dense._sha256(data), dense_rows=len(rows), dense_last=len(rows))
    started = time.perf_counter()
    base = dense._read(io.BytesIO(data), commit, vectors.shape[1])
    assert base is not None
    print(f"read in {time.perf_counter() - started:.1f} s; {dense.described(io.BytesIO(data))}")
    del data
    nothing = (np.empty(0, np.int64), np.empty((0, vectors.shape[1]), np.float16))
    exactly = dense.Dense(dense.Base(base.index, rows, base.vectors), rows, nothing)
    by_codes = dense.Dense(base, rows, nothing)
    print("| rows that pass | exactly p50 / p95 ms | as it is p50 / p95 ms | recall@10 | recall@100 |")
    print("|---|---:|---:|---:|---:|")
    for title, among in (("all", None), ("every second", rows[::2]), ("every fifth", rows[::5])):
        slow, wanted = timed(exactly, asked, among)
        fast, found = timed(by_codes, asked, among)
        shares = [f"{recall(found, wanted, depth):.4f}" for depth in (10, 100)]
        print(f"| {title} | {slow} | {fast} | {' | '.join(shares)} |", flush=True)


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
    """The median and the 95th percentile of a search for 100 rows in milliseconds, and what was found."""
    part.search(asked[0], 100, among)
    found, spent = [], []
    for vector in asked:
        started = time.perf_counter()
        found.append(part.search(vector, 100, among)[0])
        spent.append(1000 * (time.perf_counter() - started))
    return f"{np.median(spent):.1f} / {np.percentile(spent, 95):.1f}", found


def recall(found: list[Numbers], wanted: list[Numbers], depth: int) -> float:
    """The mean share of the `depth` nearest that are among the first `depth`."""
    pairs = zip(found, wanted, strict=True)
    return float(np.mean([len(np.intersect1d(one[:depth], other[:depth])) / depth for one, other in pairs]))


if __name__ == "__main__":
    main()
