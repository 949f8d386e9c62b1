"""Candidates → Hits: each with its chunk, its scores, and the places where its document lies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rag.datatypes import Chunk, Condition, Hit, Scores
from rag.index.filters import FIELDS, OF_CHUNKS, source_holds
from rag.protocols import Store
from rag.retrieval.candidates import Candidates

SLICE = 64  # candidates that are looked at together when documents are grouped


def dressed(
    store: Store, found: Candidates, k: int, *, group: bool = False, where: Sequence[Condition] = ()
) -> list[Hit]:
    """The first `k` candidates as Hits, in their order; with `group`, the first of each document.

    Of several places of a document the source is one that `where` names, if it names any; the others are copies.
    """
    of_files = [each for each in where if each.field in FIELDS and each.field not in OF_CHUNKS]
    hits: list[Hit] = []
    documents: set[str] = set()
    size = SLICE if group else max(1, k)
    for start in range(0, len(found), size):
        part = found.taken(slice(start, start + size))
        for place, chunk in enumerate(store.chunks([int(row) for row in part.rows])):
            if len(hits) < k and not (group and chunk.document in documents):
                documents.add(chunk.document)
                hits.append(_hit(store, chunk, part, place, of_files))
        if len(hits) == k:
            break
    return hits


def _hit(store: Store, chunk: Chunk, found: Candidates, place: int, of_files: Sequence[Condition]) -> Hit:
    legs = (_known(leg[place]) for leg in (found.dense, found.lexical, found.late, found.rerank))
    sources = [(not source_holds(each, (), of_files), each.location) for each in store.sources(chunk.document)]
    places = [location for _, location in sorted(sources)]
    return Hit(
        chunk=chunk,
        score=float(found.scores[place]),
        scores=Scores(*legs),
        source=places[0],
        copies=tuple(places[1:]),
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        pages=store.pages(chunk.document, chunk.start, chunk.end),
        markup=store.markup(chunk.document),
    )


def _known(score: np.float32) -> float | None:
    return None if math.isnan(score) else float(score)
