"""Hits → passages: what says nearly the same collapsed into one, then neighbours joined.

Editions of one text say nearly the same, and one of them is enough: the newest, where their metadata date them. Without
dates they are one only if they hold the same numbers; 18 months here and 24 there is for the reader to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.datatypes import Alike, Hit
from rag.protocols import Store
from rag.text.context import embedded_text
from rag.text.terms import content_words, terms

SHINGLE = 3
"""Terms in a row that are compared."""
NEAR = 0.6
"""Share of their shingles (Jaccard) from which two texts say nearly the same: one word in twelve may differ."""
MOST_JOINED = 3
"""Chunks of one passage."""
LOOKED_THROUGH = 4
"""Hits that a search looks through for each passage: some will be parts of others."""


def passages(store: Store, question: str, hits: Sequence[Hit], k: int) -> list[Hit]:
    """The first `k` passages of the hits, which stand best first; only the first 2 k hits are joined to others."""
    collapsed = _collapsed(store, question, hits)
    return _joined(store, collapsed, 2 * k)[:k]


# ---------------------------------------------------------------- near-duplicates


@dataclass(frozen=True, slots=True)
class _Told:
    """A hit with what it is compared by."""

    hit: Hit
    shingles: frozenset[tuple[str, ...]]
    numbers: frozenset[str]
    date: str

    def like(self, other: _Told) -> bool:
        """Whether both say nearly the same, and one can stand for the other."""
        dated = self.date and other.date and self.date != other.date
        if not dated and self.numbers != other.numbers:
            return False
        shared = len(self.shingles & other.shingles)
        return shared >= NEAR * (len(self.shingles) + len(other.shingles) - shared)


def _told(store: Store, hit: Hit) -> _Told:
    found = terms(hit.text)
    shingles = frozenset(tuple(found[at : at + SHINGLE]) for at in range(max(1, len(found) - SHINGLE + 1)))
    numbers = frozenset(term for term in found if any(map(str.isdigit, term)))
    return _Told(hit, shingles, numbers, store.date(hit.chunk.document))


def _collapsed(store: Store, question: str, hits: Sequence[Hit]) -> list[Hit]:
    """One hit for all that say nearly the same as the best of them, in its place."""
    families: list[list[_Told]] = []
    for told in (_told(store, hit) for hit in hits):
        family = next((family for family in families if family[0].like(told)), None)
        if family is None:
            families.append([told])
        else:
            family.append(told)
    typed = {forms[0] for forms in content_words(question) if any(map(str.isdigit, forms[0]))}
    return [family[0].hit if len(family) == 1 else _head(family, typed) for family in families]


def _head(family: Sequence[_Told], typed: set[str]) -> Hit:
    """The one that stands for all: the newest of those that hold most of the numbers and identifiers typed."""

    def worth(told: _Told) -> tuple[int, str]:
        held = typed.intersection(terms(embedded_text(told.hit.chunk, told.hit.text))) if typed else typed
        return len(held), told.date

    head = max(family, key=worth)  # of equals the first, which is the best hit
    others = sorted((told for told in family if told is not head), key=lambda told: told.date, reverse=True)
    alike = tuple(Alike(told.hit.source, told.hit.start, told.hit.end, told.date) for told in others)
    newest = bool(head.date) and all(told.date < head.date for told in others)
    return replace(head.hit, score=family[0].hit.score, alike=alike, date=head.date if newest else "")


# ---------------------------------------------------------------- neighbours


def _joined(store: Store, hits: Sequence[Hit], most: int) -> list[Hit]:
    """The hits, those that continue a better one as a part of it; those behind the first `most` stay as they are."""
    passages: list[tuple[Hit, int]] = []
    for place, hit in enumerate(hits):
        at = next((at for at, (other, _) in enumerate(passages) if _continue(store, hit, other)), None)
        if at is None or place >= most or passages[at][1] == MOST_JOINED:
            passages.append((hit, 1))
        else:
            better, count = passages[at]
            passages[at] = _one(store, better, hit), count + 1
    return [hit for hit, _ in passages]


def _continue(store: Store, one: Hit, other: Hit) -> bool:
    """Whether they are of one section, and nothing but white space stands between them."""
    if one.chunk.document != other.chunk.document or one.chunk.heading != other.chunk.heading:
        return False
    first, second = (one, other) if one.start < other.start else (other, one)
    return first.end <= second.start and not store.text(first.chunk.document, first.end, second.start).strip()


def _one(store: Store, better: Hit, hit: Hit) -> Hit:
    """Both as one, with the scores of the better."""
    document, start, end = better.chunk.document, min(better.start, hit.start), max(better.end, hit.end)
    text, pages = store.text(document, start, end), store.pages(document, start, end)
    return replace(better, text=text, start=start, end=end, pages=pages, alike=better.alike + hit.alike)
