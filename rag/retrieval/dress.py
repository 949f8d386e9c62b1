"""Candidates → Hits: each with its chunk, its scores, and the places where its document lies."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rag.datatypes import Chunk, Condition, Hit, Scores
from rag.index.filters import FIELDS, OF_CHUNKS, source_holds
from rag.protocols import Store
from rag.retrieval.candidates import Candidates
from rag.text.names import called

SLICE = 64  # candidates that are looked at together when documents are grouped


def dressed(
    store: Store,
    found: Candidates,
    k: int,
    *,
    question: str = "",
    group: bool = False,
    where: Sequence[Condition] = (),
) -> list[Hit]:
    """The first `k` candidates as Hits, in their order; with `group`, the first of each document.

    Of several places of a document the source is one that `where` names, if it names any, and of these one that the
    `question` names best; the others are copies.
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
                hits.append(_hit(store, chunk, part, place, question, of_files))
        if len(hits) == k:
            break
    return hits


def _hit(
    store: Store, chunk: Chunk, found: Candidates, place: int, question: str, of_files: Sequence[Condition]
) -> Hit:
    legs = {leg: _known(getattr(found, leg)[place]) for leg in ("dense", "lexical", "late", "rerank")}
    named = float(found.named[place])
    sources = [
        (not source_holds(each, (), of_files), called(each.path, question) if named else "", each.location)
        for each in store.sources(chunk.document)
    ]
    sources.sort(key=lambda source: (source[0], -len(source[1]), source[2]))
    return Hit(
        chunk=chunk,
        score=float(found.scores[place]),
        scores=Scores(**legs, named=named or None),
        source=sources[0][2],
        copies=tuple(location for _, _, location in sources[1:]),
        text=chunk.text,
        start=chunk.start,
        end=chunk.end,
        pages=store.pages(chunk.document, chunk.start, chunk.end),
        markup=store.markup(chunk.document),
        called=sources[0][1],
    )


def _known(score: np.float32) -> float | None:
    return None if math.isnan(score) else float(score)
