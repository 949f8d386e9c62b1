"""Lexical search at size: what it costs, and what adding to the index and removing from it costs.

    python benchmarks/lexical.py CORPUS... [--chunks 200000] [--queries 300]

CORPUS is a folder as `rag eval` takes it. Chunks of 120 to 220 terms are put together from sentences of one corpus,
drawn at random, with some rare words by Zipf's law; the questions are the corpora's own.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np

from rag.index import lexical, lexical_changes
from rag.index.database import Database, open_writer
from rag.text.terms import terms

SENTENCE = re.compile(r"(?<=[.!?。！？؟])\s*")
K = 100
BATCH = 1000
IN_DOCUMENT = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpora", nargs="+", type=Path)
    parser.add_argument("--chunks", type=int, default=200_000)
    parser.add_argument("--queries", type=int, default=300)
    options = parser.parse_args()
    generator = random.Random(0)
    made = chunks([sentences(corpus) for corpus in options.corpora], generator)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "index.sqlite"
        database = open_writer(file, create=True)
        for first in range(0, options.chunks, BATCH):
            add(database, list(islice(made, min(BATCH, options.chunks - first))), first, BATCH)
        print(f"{options.chunks} chunks, {file.stat().st_size / options.chunks:.0f} bytes each")
        ask(database, sampled(options.corpora, options.queries, generator), options.chunks)
        more = list(islice(made, BATCH))
        measured(f"add {BATCH}", [partial(add, database, more, options.chunks, IN_DOCUMENT)])
        measured(f"remove {BATCH}", [partial(remove, database, options.chunks // 2, BATCH, IN_DOCUMENT)])
        database.close()


def sentences(corpus: Path) -> list[list[str]]:
    """The terms of each sentence."""
    with (corpus / "corpus.jsonl").open(encoding="utf-8") as lines:
        texts = [json.loads(line)["text"] for line in lines]
    return [cut for text in texts for sentence in SENTENCE.split(text) if 3 <= len(cut := terms(sentence)) <= 120]


def chunks(pools: list[list[list[str]]], generator: random.Random) -> Iterator[Counter[str]]:
    """How often a chunk has its terms, without end."""
    weights = [sum(map(len, pool)) for pool in pools]
    while True:
        pool, size, chunk = generator.choices(pools, weights)[0], generator.randint(120, 220), Counter[str]()
        while chunk.total() < size:
            chunk.update(generator.choice(pool))
        chunk.update(f"n{int(3e6 * generator.random() ** 3)}" for _ in range(generator.randint(0, 4)))
        yield chunk


def sampled(corpora: list[Path], count: int, generator: random.Random) -> list[str]:
    """Questions, the same number of each corpus."""
    found = []
    for corpus in corpora:
        lines = (corpus / "queries.jsonl").read_text(encoding="utf-8").splitlines()
        found += [json.loads(line)["text"] for line in generator.sample(lines, min(len(lines), count // len(corpora)))]
    return found


def add(database: Database, made: Sequence[Counter[str]], before: int, at_once: int) -> None:
    """Add chunks to `before` others, some at once."""
    database.all("BEGIN IMMEDIATE")
    for first in range(0, len(made), at_once):
        lexical_changes.add(database, list(enumerate(made[first : first + at_once], start=before + first + 1)))
    database.all("COMMIT")


def remove(database: Database, before: int, count: int, at_once: int) -> None:
    """Remove the chunks after `before` others, some at once."""
    database.all("BEGIN IMMEDIATE")
    for first in range(before + 1, before + count + 1, at_once):
        lexical.remove(database, range(first, first + at_once))
    database.all("COMMIT")


def ask(database: Database, questions: list[str], count: int) -> None:
    """Search and all else that a question asks of the lexical leg, of the rows found and as many others."""
    others = np.linspace(1, count, K).astype(np.int64)
    rows = [np.union1d(lexical.search(database, question, K, count)[0], others) for question in questions]
    pairs = list(zip(questions, rows, strict=True))
    measured(f"search, k = {K}", [partial(lexical.search, database, question, K, count) for question in questions])
    measured("scores", [partial(lexical.scores, database, question, own, count) for question, own in pairs])
    measured("exact", [partial(lexical.exact, database, question, own, count) for question, own in pairs])
    measured("mass", [partial(lexical.mass, database, question, count) for question in questions])


def measured(name: str, calls: list[Callable[[], object]]) -> None:
    """Print the median and the 95th percentile of the time that calls take."""
    seconds = []
    for call in calls:
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    print(f"{name}: p50 {1000 * np.median(seconds):.1f} ms, p95 {1000 * np.percentile(seconds, 95):.1f} ms", flush=True)


if __name__ == "__main__":
    main()
