"""nDCG@10 by the weight of exact matches (`rag.retrieval.fuse`), on sets that are for fitting.

    python benchmarks/fit_fusion.py [--weights 0 1 2 3 4 6] [--data FOLDER]

FOLDER (default: ../shared/data/train) holds sets in BEIR's form; corpora/polyglot is there by itself: all held-out
organisations in one index, questions in a paper's language and in another one apart. Prints the mean over all
questions, and over those in which something is typed that a candidate holds.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from polyglot import held_out_index

from rag import Index, load_embedder
from rag.evaluation.build import built_index, document_names
from rag.evaluation.dataset import read_set
from rag.index.chunking import Chunking
from rag.protocols import Embedder
from rag.reports import NoProgress
from rag.retrieval.candidates import LATE_DEPTH, Search, legs
from rag.retrieval.fuse import Fusion, fuse_first, fuse_late

DEPTH = 10
SHOWN = 30  # candidates that are looked through for ten documents


@dataclass(frozen=True, slots=True)
class Asked:
    """One question: its nDCG@10 by weight, and whether something typed is held."""

    gains: list[float]
    typed: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--weights", type=float, nargs="+", default=[0, 1, 2, 3, 4, 6])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/train"))
    options = parser.parse_args()
    embedder, weights = load_embedder(), options.weights
    print("| questions | n | " + " | ".join(f"{weight:g}" for weight in weights) + " |")
    print("|---|---:|" + "---:|" * len(weights))
    for folder in sorted(path.parent for path in options.data.glob("*/corpus.jsonl")):
        show(folder.name, list(of_set(folder, embedder, weights)))
    same, across = of_polyglot(embedder, weights)
    show("polyglot, same language", same)
    show("polyglot, across", across)


def show(title: str, asked: list[Asked]) -> None:
    """Two lines of the table."""
    for name, chosen in ((title, asked), (f"{title}, typed", [each for each in asked if each.typed])):
        means = np.mean([each.gains for each in chosen], axis=0)
        print(f"| {name} | {len(chosen)} | " + " | ".join(f"{mean:.4f}" for mean in means) + " |", flush=True)


def of_set(folder: Path, embedder: Embedder, weights: list[float]) -> Iterator[Asked]:
    """The questions of a set that have a relevant document."""
    given = read_set(folder, None)
    with Index.open(built_index(given, embedder, Chunking(), None, NoProgress()), embedder=embedder) as index:
        names = document_names(given, index)
        for query in given.queries:
            relevant = {name for name, grade in given.qrels.get(query.id, {}).items() if grade > 0}
            if relevant:
                yield asked_of(index, query.text, relevant, names, embedder, weights)


def of_polyglot(embedder: Embedder, weights: list[float]) -> tuple[list[Asked], list[Asked]]:
    """Questions that are answered, in their paper's language and in another."""
    found: tuple[list[Asked], list[Asked]] = ([], [])
    with tempfile.TemporaryDirectory() as temporary:
        questions = held_out_index(Path(temporary), embedder)
        with Index.open(Path(temporary) / "index", embedder=embedder) as index:
            for text, place, foreign in questions:
                found[foreign].append(asked_of(index, text, {place}, {}, embedder, weights))
    return found


def asked_of(
    index: Index,
    question: str,
    relevant: set[str],
    names: Mapping[str, str],
    embedder: Embedder,
    weights: list[float],
) -> Asked:
    """One question under every weight; a document's name is that of its place, or the place itself."""
    query = embedder.embed_query(question, tokens=True)
    (group,) = legs(index, Search(question, query, DEPTH, neutral=True))
    mass = index.mass(question)
    gains = []
    for weight in weights:
        first = fuse_first(group.dense, group.lexical, group.exact, group.named, mass, Fusion(exact=weight))
        head = np.lexsort((group.rows, -first))[:LATE_DEPTH]
        scores = fuse_late(first[head], index.late_scores(query.tokens[0], group.rows[head]))
        best = group.rows[head[np.lexsort((group.rows[head], -scores))][:SHOWN]]
        documents = list(dict.fromkeys(chunk.document for chunk in index.chunks(best.tolist())))
        places = [{names.get(each.location, each.location) for each in index.sources(name)} for name in documents]
        right = [place for place, found in enumerate(places[:DEPTH]) if found & relevant]
        gains.append(float(1 / np.log2(right[0] + 2)) if right else 0.0)
    return Asked(gains, bool(group.exact.any()))


if __name__ == "__main__":
    main()
