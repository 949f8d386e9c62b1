"""From hits to the few sentences that bear on the question: what every answer stands on.

    hits ─units→ sentences, rows, items ─dense, BM25, MaxSim→ ranked ─quotes→ at most 3, without repeats

`z(dense) + z(BM25) + 2·z(MaxSim)`, minus something for every place that the hit stands behind the first.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rag.datatypes import Embeddings, Hit
from rag.generation.units import Unit, units
from rag.protocols import Embedder
from rag.text.terms import terms

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DENSE, LEXICAL, LATE, PLACE = 1.0, 1.0, 2.0, 0.6
MOST_QUOTES = 3
MOST_CHARACTERS = 400
"""Of all quotes together; a character of Chinese, Japanese or Korean counts twice."""
REPEATED = 0.8
"""Share of terms from which a unit says what another said before."""
LEAST_UNITS = 5
"""Units of one language from which they are scored among themselves."""
_K1, _B = 1.2, 0.75


@dataclass(frozen=True, slots=True)
class Evidence:
    """A unit with its scores for one question; higher is better. `tokens` (t, d) are its own token vectors."""

    unit: Unit
    score: float
    dense: float
    lexical: float
    late: float
    tokens: Floats

    @property
    def hit(self) -> Hit:
        """Where it comes from."""
        return self.unit.hit

    @property
    def text(self) -> str:
        """The document's text at `start:end`, to the character."""
        return self.unit.text

    @property
    def start(self) -> int:
        """Where it begins in the document."""
        return self.unit.start

    @property
    def end(self) -> int:
        """Where it ends in the document."""
        return self.unit.end


def rank(question: str, query: Embeddings, hits: Sequence[Hit], embedder: Embedder) -> list[Evidence]:
    """The units of the hits, best first. `query` holds the question's vector and its token vectors."""
    found = units(hits)
    if not found:
        return []
    embedded = embedder.embed_texts(_bounded(found, embedder), tokens=True)
    dense = embedded.vectors @ query.vectors[0]
    lexical = _bm25(terms(question), [terms(unit.grounds) for unit in found])
    late = np.array([max_sim(query.tokens[0], tokens).mean() if len(tokens) else 0.0 for tokens in embedded.tokens])
    places = np.array([unit.place for unit in found])
    spoken = [unit.hit.chunk.language for unit in found]
    # A term that matches is as good in any language, and among few units that match nothing it would tower.
    scores = DENSE * _z_within(spoken, dense) + LEXICAL * _z(lexical) + LATE * _z_within(spoken, late) - PLACE * places
    return [
        Evidence(
            found[at], float(scores[at]), float(dense[at]), float(lexical[at]), float(late[at]), embedded.tokens[at]
        )
        for at in np.argsort(-scores, kind="stable")
    ]


def quotes(ranked: Sequence[Evidence]) -> list[Evidence]:
    """The best units that fit together: at most `MOST_QUOTES` and `MOST_CHARACTERS`, the first one whole in any case.

    They stand best first, but neighbours of one document in the document's order.
    """
    chosen: list[Evidence] = []
    left = MOST_CHARACTERS
    for evidence in ranked:
        size = _width(evidence.unit.shown) + 1
        if chosen and (size > left or _repeats(evidence, chosen)):
            continue
        chosen.append(evidence)
        left -= size
        if len(chosen) == MOST_QUOTES:
            break
    return _with_neighbours(chosen)


def max_sim(query: Floats, tokens: Floats) -> Floats:
    """For each query token (q, d) its largest dot product with a token (t, d): (q,) float32; 0 without tokens."""
    if not len(tokens) or not len(query):
        return np.zeros(len(query), np.float32)
    return np.asarray((query @ tokens.T).max(axis=1), np.float32)


def _bounded(found: Sequence[Unit], embedder: Embedder) -> list[str]:
    """What is embedded of each unit: with its context where that fits, cut where the unit alone is too long."""
    room = embedder.max_tokens - embedder.overhead
    counts = embedder.count_tokens([unit.grounds for unit in found])
    return [
        unit.grounds if count <= room else _cut(unit.text, room, embedder)
        for unit, count in zip(found, counts, strict=True)
    ]


def _cut(text: str, room: int, embedder: Embedder) -> str:
    offsets = embedder.token_offsets(text)
    # Cut, a text may have some tokens more than its part of the whole.
    return text if len(offsets) <= room else text[: offsets[max(1, room - 8)][0]]


def _bm25(query: Sequence[str], texts: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """BM25 of each text for the query, (n,) float64, with the texts themselves as the corpus."""
    counts = [Counter(text) for text in texts]
    frequency = Counter(term for count in counts for term in count)
    mean = sum(len(text) for text in texts) / len(texts) or 1.0
    scores = np.zeros(len(texts))
    for term in query:
        idf = math.log(1 + (len(texts) - frequency[term] + 0.5) / (frequency[term] + 0.5))
        for at, count in enumerate(counts):
            if count[term]:
                norm = _K1 * (1 - _B + _B * len(texts[at]) / mean)
                scores[at] += idf * count[term] * (_K1 + 1) / (count[term] + norm)
    return scores


def _z_within(spoken: Sequence[str], values: NDArray[np.floating]) -> NDArray[np.float64]:
    """z among the units of the same language, since every question is nearer to its own; few units join the others."""
    counts = Counter(spoken)
    groups = np.array([language if counts[language] >= LEAST_UNITS else "" for language in spoken])
    scores = np.zeros(len(values))
    for group in np.unique(groups):
        scores[groups == group] = _z(values[groups == group])
    return scores


def _z(values: NDArray[np.floating]) -> NDArray[np.float64]:
    spread = float(values.std())
    return np.asarray((values - values.mean()) / spread if spread > 1e-9 else np.zeros(len(values)), np.float64)


def _width(text: str) -> int:
    return sum(2 if char > "\u2e7f" else 1 for char in text)


def _repeats(evidence: Evidence, chosen: Sequence[Evidence]) -> bool:
    """Whether nearly all that it says has been said."""
    own = set(terms(evidence.text))
    return any(len(own & set(terms(other.text))) >= REPEATED * len(own) for other in chosen)


def _with_neighbours(chosen: Sequence[Evidence]) -> list[Evidence]:
    """Best first, but what continues another stands behind it."""
    ordered: list[Evidence] = []
    for evidence in chosen:
        at = next((at for at, other in enumerate(ordered) if _follows(other, evidence)), None)
        after = next((at for at, other in enumerate(ordered) if _follows(evidence, other)), None)
        if after is not None:
            ordered.insert(after + 1, evidence)
        elif at is not None:
            ordered.insert(at, evidence)
        else:
            ordered.append(evidence)
    return ordered


def _follows(later: Evidence, earlier: Evidence) -> bool:
    """Whether `later` continues `earlier` with nothing but white space and marks between."""
    if later.hit.chunk.document != earlier.hit.chunk.document or later.unit.kind == "row":
        return False
    return 0 <= later.start - earlier.end <= 3
