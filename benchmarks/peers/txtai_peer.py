"""txtai's answers to a task of run.py; see exchange.py for what it reads and writes.

Dense: `Embeddings` with an external transform and its defaults (Faiss, inner product: flat up to 5,000 chunks, above
that an IVF index that looks through a part of its cells). Hybrid: the same with `hybrid=True`: BM25 with normalised
scores, half and half with the vectors' by its convex combination, over the 10 × limit best of each. Its default
tokenizer follows the Unicode rules for word boundaries (UAX 29) in lower case, so Chinese is cut into single
characters; chunks in which no word matches are not returned. Only `limit` is not the default (3).
"""

from __future__ import annotations

import numpy as np
from exchange import Search, Task, answer
from numpy.typing import NDArray
from txtai import Embeddings


def build(task: Task) -> tuple[Search, Search]:
    vectors = task.queries | task.passages

    def transform(texts: list[str]) -> NDArray[np.float32]:
        """One function for chunks and questions: the vectors that the task brings."""
        return np.array([vectors[text] for text in texts], np.float32)

    alone = Embeddings(method="external", transform=transform)
    joined = Embeddings(method="external", transform=transform, hybrid=True)
    for embeddings in (alone, joined):
        embeddings.index((number, chunk.text, None) for number, chunk in enumerate(task.chunks))
    return searching(alone), searching(joined)


def searching(embeddings: Embeddings) -> Search:
    return lambda question, depth: [number for number, _ in embeddings.search(question, limit=depth)]


if __name__ == "__main__":
    answer("txtai", build)
