"""Which few sentences say most of a text: those that cover most of the words that it keeps coming back to.

Greedy coverage of weighted concepts (Gillick, Favre 2009): words and pairs of neighbouring words, each worth as many
sentences as have it, counted once. A sentence's new ones are set against the root of its length, and what opens a
document counts more. No model is asked; figures in docs/decisions.md ("Tasks").
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from rag.generation.units import Unit
from rag.text.terms import content_words

OPENING = 0.5
"""What the first sentence of a document gains, as a share; the n-th gains an n-th of it."""
SHORT = 20
"""Characters under which a sentence gains nothing by being shorter."""

Concept = str | tuple[str, str]


def salient(units: Sequence[Unit], count: int) -> list[int]:
    """The places of the `count` units that say most together, ascending; all where there are no more."""
    concepts = [_concepts(unit.text) for unit in units]
    weights = Counter(concept for own in concepts for concept in own)
    openings = _openings(units)
    lengths = [max(SHORT, len(unit.text)) for unit in units]
    covered: set[Concept] = set()
    chosen: list[int] = []

    def rank(place: int) -> tuple[float, int]:
        gained = sum(weights[concept] for concept in concepts[place] if concept not in covered)
        return -gained / lengths[place] ** 0.5 * (1 + OPENING / openings[place]), place

    waiting = [rank(place) for place in range(len(units))]
    heapq.heapify(waiting)
    while waiting and len(chosen) < count:
        _, place = heapq.heappop(waiting)
        now = rank(place)  # what is covered since can only have taken from its worth
        if waiting and now > waiting[0]:
            heapq.heappush(waiting, now)
            continue
        chosen.append(place)
        covered |= concepts[place]
    return sorted(chosen)


def _concepts(text: str) -> frozenset[Concept]:
    found = [forms[0] for forms in content_words(text)]
    return frozenset(found).union(pairwise(found))


def _openings(units: Sequence[Unit]) -> list[int]:
    """Of each unit, which of its document it is, from 1."""
    seen: Counter[str] = Counter()
    places = []
    for unit in units:
        seen[unit.hit.chunk.document] += 1
        places.append(seen[unit.hit.chunk.document])
    return places
