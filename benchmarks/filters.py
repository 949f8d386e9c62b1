"""Filtered search against exact search over what passes: recall@10 of both legs, and what it costs.

    python benchmarks/filters.py [--chunks 200000] [--queries 50]

The index is synthetic: random vectors, words by Zipf's law, in documents of 100 chunks. Half of them lie in the folder
half/, one in a hundred in hundredth/, and one has a passage for each ten thousand chunks under the heading "Rare".
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Chunk, Document, Embeddings, Source, State
from rag.index.chunking import Chunking
from rag.index.filters import parse_filter
from rag.index.index import Index
from rag.index.writer import Writer
from rag.models.encoder import unit_rows
from rag.models.fakes import HashEmbedder

DIMENSION = 384
IN_DOCUMENT = 100
WORDS = 12  # of a chunk
VOCABULARY = 50_000
FILTERS = ("", "source = half", "source = hundredth", "heading = rare")
K = 10

Floats = NDArray[np.float32]
Rows = NDArray[np.int64]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chunks", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=50)
    options = parser.parse_args()
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "index"
        fill(path, options.chunks, random)
        print("| filter | passes | first use ms | dense recall@10 | p50 ms | lexical recall@10 | p50 ms |")
        print("|---|---:|---:|---:|---:|---:|---:|")
        with Index.open(path) as index:
            queries = [(vector, sentence(random, 6)) for vector in vectors(random, options.queries)]
            index.search_dense(queries[0][0], K)
            for text in FILTERS:
                print(row(index, text, queries), flush=True)


def fill(path: Path, count: int, random: np.random.Generator) -> None:
    """An index of `count` chunks."""
    numbers = range(0, count, IN_DOCUMENT)
    with Writer.open(path, embedder=HashEmbedder(dimension=DIMENSION), chunking=Chunking()) as writer:
        for number, start in enumerate(numbers):
            size = min(IN_DOCUMENT, count - start)
            document, chunks = made(number, size, random, rare=max(1, count // 10_000) if start == 0 else 0)
            own = vectors(random, size)
            writer.put(document, chunks, Embeddings(own, tuple(own[:, None, :])))
            folder = "hundredth" if number % 100 == 7 else "half" if number % 2 == 0 else "rest"
            writer.put_source(Source("/corpus", f"{folder}/{number}.txt", State.INDEXED, document.id))


def made(number: int, size: int, random: np.random.Generator, rare: int) -> tuple[Document, list[Chunk]]:
    """A document of `size` chunks, a line each; the first `rare` stand under a heading of their own."""
    lines = [sentence(random, WORDS) for _ in range(size)]
    document = Document(f"d{number}", "\n".join(lines))
    chunks, start = [], 0
    for place, line in enumerate(lines):
        heading = ("Rare",) if place < rare else ()
        chunks.append(Chunk(f"{number}-{place}", document.id, start, start + len(line), line, heading, language="en"))
        start += len(line) + 1
    return document, chunks


def sentence(random: np.random.Generator, words: int) -> str:
    """Words by Zipf's law."""
    return " ".join(f"w{word % VOCABULARY}" for word in random.zipf(1.2, words))


def vectors(random: np.random.Generator, count: int) -> Floats:
    """Unit rows."""
    return unit_rows(random.standard_normal((count, DIMENSION)).astype(np.float32))


def row(index: Index, text: str, queries: list[tuple[Floats, str]]) -> str:
    """One filter's line of the table."""
    started = time.perf_counter()
    among = index.rows_where(parse_filter(text)) if text else None
    first = time.perf_counter() - started
    everything = index.rows_where(())
    passes = everything if among is None else among
    dense = measured(
        lambda vector, _: index.search_dense(vector, K, among)[0],
        lambda vector, _: passes[np.argsort(-index.dense_scores(vector, passes), kind="stable")[:K]],
        queries,
    )
    lexical = measured(
        lambda _, words: index.search_lexical(words, K, among)[0],
        lambda _, words: best_lexical(index, words, passes),
        queries,
    )
    share = f"{len(passes)} ({len(passes) / len(everything):.2%})"
    return f"| {text or 'none'} | {share} | {1000 * first:.0f} | {' | '.join((*dense, *lexical))} |"


def best_lexical(index: Index, words: str, passes: Rows) -> Rows:
    scores = index.lexical_scores(words, passes)
    best = np.argsort(-scores, kind="stable")[:K]
    return passes[best[scores[best] > 0]]


def measured(
    search: Callable[[Floats, str], Rows],
    exact: Callable[[Floats, str], Rows],
    queries: list[tuple[Floats, str]],
) -> Iterator[str]:
    """Recall of the exact ten, and the median time of a search."""
    recalls, seconds = [], []
    for vector, words in queries:
        started = time.perf_counter()
        found = search(vector, words)
        seconds.append(time.perf_counter() - started)
        wanted = exact(vector, words)
        recalls.append(len(np.intersect1d(found, wanted)) / max(1, len(wanted)) if len(wanted) else 1.0)
    yield f"{np.mean(recalls):.4f}"
    yield f"{1000 * statistics.median(seconds):.1f}"


if __name__ == "__main__":
    main()
