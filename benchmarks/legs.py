"""Is the fused order ever worse than its best part? nDCG@10 of each leg alone, of the default and of RRF, by set.

    python benchmarks/legs.py [--data FOLDER] [--limit N] [--chunk-tokens N] [SET ...]

Dense and lexical are each leg's own search; late is the order of MaxSim alone among the 50 candidates that late
interaction looks at; rrf is reciprocal rank fusion of all three. The last column is the default less the best leg,
query by query: mean and paired bootstrap 95 % interval. FOLDER holds sets in the form of `rag eval` (default:
../shared/data); absent sets are named, then skipped. Only the first ten documents that 50 chunks give count.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from retrieval import arguments, print_rows

from rag import Index, Retriever, load_embedder
from rag.evaluation.build import built_index, document_names
from rag.evaluation.dataset import read_set
from rag.evaluation.metrics import DEPTH, difference, per_query
from rag.evaluation.run import documents_of
from rag.index.chunking import Chunking
from rag.protocols import Embedder
from rag.reports import NoProgress
from rag.retrieval.candidates import Candidates
from rag.retrieval.dress import dressed
from rag.retrieval.fuse import Fusion

CHUNKS = 50
LEGS = ("dense", "lexical", "late")
COLUMNS = (*LEGS, "default", "rrf")


def main() -> None:
    options = arguments(__doc__ or "")
    embedder = load_embedder()
    print("| set | queries | " + " | ".join(COLUMNS) + " | default − best leg |")
    print("|---|---:|" + "---:|" * len(COLUMNS) + "---|")
    print_rows(options, lambda name, folder: row(name, folder, embedder, options), len(COLUMNS) + 1)


def row(name: str, folder: Path, embedder: Embedder, options: Namespace) -> str:
    """One set's line."""
    dataset = read_set(folder, options.limit)
    path = built_index(dataset, embedder, Chunking(options.chunk_tokens), None, NoProgress())
    rankings: dict[str, dict[str, list[str]]] = {column: {} for column in COLUMNS}
    with Index.open(path, embedder=embedder) as index:
        names = document_names(dataset, index)
        for query in dataset.queries:
            if query.id in dataset.qrels:
                for column, documents in orders(query.text, index, embedder, names):
                    rankings[column][query.id] = documents
    values = {column: list(per_query(each, dataset.qrels)["ndcg@10"].values()) for column, each in rankings.items()}
    best = max(LEGS, key=lambda leg: float(np.mean(values[leg])))
    found = difference(values[best], values["default"])
    cells = " | ".join(f"{np.mean(values[column]):.4f}" for column in COLUMNS)
    gap = f"{found.mean:+.4f} [{found.low:+.4f}, {found.high:+.4f}] to {best}"
    return f"| {name} | {len(values[best])} | {cells} | {gap} |"


def orders(
    question: str, index: Index, embedder: Embedder, names: Mapping[str, str]
) -> Iterator[tuple[str, list[str]]]:
    """The documents of each column, best first."""
    hits = Retriever(index, embedder).retrieve(question, CHUNKS)
    late = sorted(hits, key=lambda hit: -(hit.scores.late if hit.scores.late is not None else -np.inf))
    ranks = Retriever(index, embedder, fusion=Fusion("rrf")).retrieve(question, CHUNKS)
    vector = embedder.embed_query(question).vectors[0]
    dense, lexical = (
        dressed(index, Candidates.of(rows, scores), CHUNKS)
        for rows, scores in (index.search_dense(vector, CHUNKS), index.search_lexical(question, CHUNKS))
    )
    found = {"default": hits, "late": late, "rrf": ranks, "dense": dense, "lexical": lexical}
    for column, own in found.items():
        yield column, documents_of(own, names)[:DEPTH]


if __name__ == "__main__":
    main()
