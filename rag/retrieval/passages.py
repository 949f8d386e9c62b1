"""Hits → passages: what says nearly the same collapsed into one, then neighbours joined.

Editions of one text say nearly the same, and one of them is enough: the one that the question names by its path, or of
those that hold most of the question's words the newest, where their metadata date them. Without dates only what says
the same word for word is one: a "not", a name or 18 months in place of 24 is for the reader to see.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from rag.datatypes import Hit
from rag.index.filters import days
from rag.protocols import Store
from rag.text.context import embedded_text
from rag.text.terms import content_words, terms

SHINGLE = 3
"""Terms in a row that are compared."""
NEAR = 0.6
"""Shingles that dated texts share (Jaccard) to be nearly the same: a word in twelve may differ, and any number."""
MOST_JOINED = 3
"""Chunks of one passage."""
MOST_COMPARED = 100
"""Dated hits that another is compared with, the best."""
WIDEST_GAP = 200
"""Characters of white space that may stand between two that are joined."""

# What is no word and says something else all the same: 5 € for 5 $, -5 for 5.
_SIGN = re.compile(r"[$¢£¥\u20a0-\u20c0%‰<>≤≥≠±]|(?<![^\W_])[-−–](?=[0-9])")


def looked_through(k: int) -> int:
    """Hits that are looked through for `k` passages: some will be parts of others."""
    return k + min(3 * k, 150)


def passages(store: Store, question: str, hits: Sequence[Hit], k: int) -> list[Hit]:
    """The first `k` passages of the hits, which stand best first; only the first 2 k hits are joined to others."""
    collapsed = _collapsed(store, question, hits)
    return _joined(store, collapsed, 2 * k)[:k]


# ---------------------------------------------------------------- near-duplicates


@dataclass(frozen=True, slots=True)
class _Told:
    """A hit with what it is compared by."""

    hit: Hit
    terms: tuple[str, ...]
    signs: tuple[str, ...]
    shingles: frozenset[tuple[str, ...]] = frozenset()

    @property
    def date(self) -> str:
        return self.hit.date

    def like(self, other: _Told) -> bool:
        """Whether both say nearly the same, and one can stand for the other."""
        if not _apart(self.date, other.date):
            return bool(self.terms) and (self.terms, self.signs) == (other.terms, other.signs)
        shared = len(self.shingles & other.shingles)
        return shared > 0 and shared >= NEAR * (len(self.shingles) + len(other.shingles) - shared)


def _apart(one: str, other: str) -> bool:
    """Whether two dates are of different days, months or years, whichever of these they name."""
    if not one or not other:
        return False
    return days(one)[1] < days(other)[0] or days(other)[1] < days(one)[0]


def _told(store: Store, hit: Hit) -> _Told:
    found, signs = tuple(terms(hit.text)), tuple(_SIGN.findall(hit.text))
    dated = replace(hit, date=store.date(hit.chunk.document))
    if not dated.date:
        return _Told(hit, found, signs)
    masked = tuple("#" if any(map(str.isdigit, term)) else term for term in found)  # editions differ in their numbers
    shingles = frozenset(masked[at : at + SHINGLE] for at in range(max(1, len(found) - SHINGLE + 1))) if found else ()
    return _Told(dated, found, signs, frozenset(shingles))


def _collapsed(store: Store, question: str, hits: Sequence[Hit]) -> list[Hit]:
    """One hit for all that say nearly the same as the best of them, in its place."""
    families: list[list[_Told]] = []
    of_words: dict[tuple[str, ...], list[int]] = defaultdict(list)
    dated: list[int] = []
    for told in (_told(store, hit) for hit in hits):
        near = [*of_words[told.terms], *(dated[:MOST_COMPARED] if told.date else ())]
        number = next((number for number in near if all(told.like(member) for member in families[number])), None)
        if number is None:
            number = len(families)
            families.append([])
            of_words[told.terms].append(number)
            if told.date:
                dated.append(number)
        families[number].append(told)
    words = content_words(question)
    return [family[0].hit if len(family) == 1 else _head(family, words) for family in families]


def _head(family: Sequence[_Told], words: Sequence[tuple[str, ...]]) -> Hit:
    """The one that stands for all: the one that is named best, or holds most of the question's words, or is newest."""

    def worth(told: _Told) -> tuple[float, int, str]:
        held = set(terms(embedded_text(told.hit.chunk, told.hit.text)))
        count = sum(not held.isdisjoint(forms) for forms in words)
        return told.hit.scores.named or 0.0, count, days(told.date)[0] if told.date else ""

    head = max(family, key=worth)  # of equals the first, which is the best hit
    others = sorted((told for told in family if told is not head), key=lambda told: told.date, reverse=True)
    newest = all(_apart(told.date, head.date) and told.date < head.date for told in others)
    return replace(head.hit, score=family[0].hit.score, alike=tuple(told.hit for told in others), newest=newest)


# ---------------------------------------------------------------- neighbours


def _joined(store: Store, hits: Sequence[Hit], most: int) -> list[Hit]:
    """The hits, those that continue a better one as a part of it; those behind the first `most` stay as they are."""
    found: list[Hit] = []
    sizes: list[int] = []
    of_document: dict[str, list[int]] = defaultdict(list)
    for hit in hits[:most]:
        own = of_document[hit.chunk.document]
        at = next((at for at in own if sizes[at] < MOST_JOINED and _continue(store, hit, found[at])), None)
        if at is None:
            own.append(len(found))
            found.append(hit)
            sizes.append(1)
        else:
            found[at] = _one(store, found[at], hit)
            sizes[at] += 1
    return [*found, *hits[most:]]


def _continue(store: Store, one: Hit, other: Hit) -> bool:
    """Whether they are of one section of one document, and nothing but white space stands between them."""
    first, second = (one, other) if one.start < other.start else (other, one)
    if one.chunk.heading != other.chunk.heading or not 0 <= second.start - first.end <= WIDEST_GAP:
        return False
    return not store.text(first.chunk.document, first.end, second.start).strip()


def _one(store: Store, better: Hit, hit: Hit) -> Hit:
    """Both as one, with the scores of the better. It is the newest only if both parts are."""
    alike = list(better.alike)
    for each in hit.alike:
        own = (at for at, other in enumerate(alike) if other.source == each.source and _continue(store, each, other))
        at = next(own, None)
        if at is None:
            alike.append(each)
        else:
            alike[at] = _widened(store, alike[at], each)
    newest = better.newest and hit.newest
    return replace(_widened(store, better, hit), alike=tuple(alike), newest=newest)


def _widened(store: Store, hit: Hit, other: Hit) -> Hit:
    """The hit, from where the first of both begins to where the last ends; both are of one document."""
    document, start, end = hit.chunk.document, min(hit.start, other.start), max(hit.end, other.end)
    text, pages = store.text(document, start, end), store.pages(document, start, end)
    return replace(hit, text=text, start=start, end=end, pages=pages)
