"""From hits to the few sentences that bear on the question: what every answer stands on.

hits ─read→ does it answer, and where ─units→ sentences, rows, items, each with its probability ─quotes→ at most 3
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from rag.datatypes import Hit, Reading, Suspicion
from rag.generation.readable import cells
from rag.generation.units import Unit, units
from rag.protocols import PassageReader
from rag.text.context import read_text
from rag.text.invisible import Seen
from rag.text.sentences import sentences
from rag.text.suspicion import UNSEEN, signs
from rag.text.terms import content_words, terms

MOST_QUOTES = 3
MOST_CHARACTERS = 400
"""Of all quotes together; a character of Chinese, Japanese or Korean counts twice."""
REPEATED = 0.8
"""Share of terms from which a unit says what another said before."""
PLACE = 0.2
"""Log-odds that a hit loses for every place that it stands behind the first."""
NAMED = 1.5
"""Log-odds that a hit loses whose document is not named where another one is (`rag.index.names`)."""
FAINT = 0.2
"""A unit is quoted beside the best one only if it is at least so probable, as a share of that."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A unit with its `score`: the probability, 0..1, that its passage answers and the answer begins in it."""

    unit: Unit
    score: float

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


def read(question: str, hits: Sequence[Hit], reader: PassageReader) -> list[Reading]:
    """What the reader finds in each hit, read with its heading context; less likely the further down it stands, or the
    less the question names its document.

    It reads what a person sees: the offsets of a reading are those of the whole text nevertheless.
    """
    seen = [Seen.of(read_text(hit)) for hit in hits]
    readings = reader.read(question, [each.text for each in seen])
    named = [hit.scores.named or 0.0 for hit in hits]
    behind = [PLACE * at + NAMED * (max(named) - own) for at, own in enumerate(named)]
    return [
        replace(reading, answered=reading.answered - less, offsets=each.spans(reading.offsets))
        for less, each, reading in zip(behind, seen, readings, strict=True)
    ]


def rank(question: str, hits: Sequence[Hit], readings: Sequence[Reading]) -> list[Evidence]:
    """The units of the hits, the most probable first; `readings` are those of the hits, in their order.

    Of values with one name under several headings, that one is the most probable whose headings the question names; of
    the rows of a table, one whose name it says.
    """
    fronts = [len(read_text(hit)) - len(hit.text) for hit in hits]
    found = []
    for unit in units(hits):
        reading, shift = readings[unit.place], fronts[unit.place] - unit.hit.start
        share = begins_within(reading, unit.start + shift, unit.end + shift)
        found.append(Evidence(unit, probability(reading) * share))
    named = _by_row_names(question, _by_headings(question, found))
    return sorted(named, key=lambda evidence: -evidence.score)


def _by_headings(question: str, found: Sequence[Evidence]) -> list[Evidence]:
    """The evidence; of values with one name, the best and one whose headings hold more of the question change scores.

    More is all that those of the best hold of the question's words, and others beside.
    """
    return _exchanged(found, lambda unit: unit.name, partial(_with_more, asked=content_words(question)))


def _by_row_names(question: str, found: Sequence[Evidence]) -> list[Evidence]:
    """The evidence; of a table's rows in a hit, the best and the one that the question means change scores.

    That is the one whose name it says: all the content words of its first cell; of several, the longest name counts.
    Where the best one's is said too, or none is, it is the one that holds what the best holds of the question's
    words, something at least, and most beside. Else all stays: the reader had what the question says.
    """
    asked, words = set(terms(question)), content_words(question)

    def better(best: Evidence, alike: Sequence[Evidence]) -> Evidence | None:
        names = {each: content_words(cells(each.text)[0]) for each in alike}
        said = [each for each in alike if names[each] and all(map(asked.intersection, names[each]))]
        if said and best not in said:
            return max(said, key=lambda each: (len(names[each]), each.score))
        return _with_more(best, alike, words) if _held(best.unit, words) else None

    return _exchanged(found, lambda unit: unit.kind == "row" and unit.header and (unit.place, unit.header), better)


def _with_more(best: Evidence, alike: Sequence[Evidence], asked: Sequence[tuple[str, ...]]) -> Evidence | None:
    """The one that holds all that the best holds of the question's words, and most beside; None where none does."""
    held = {each: _held(each.unit, asked) for each in alike}
    more = [each for each in alike if held[each] > held[best]]
    return max(more, key=lambda each: (len(held[each]), each.score), default=None)


def _exchanged(
    found: Sequence[Evidence],
    key: Callable[[Unit], object],
    better: Callable[[Evidence, Sequence[Evidence]], Evidence | None],
) -> list[Evidence]:
    """The evidence; of units with one key that is not empty, the best and a `better` one change scores."""
    groups: dict[object, list[Evidence]] = defaultdict(list)
    for each in found:
        if name := key(each.unit):
            groups[name].append(each)
    scores = {each.unit: each.score for each in found}
    for alike in groups.values():
        best = max(alike, key=lambda each: each.score)
        other = better(best, alike) if len(alike) > 1 else None
        if other:
            scores[best.unit], scores[other.unit] = other.score, best.score
    return [replace(each, score=scores[each.unit]) for each in found]


def _held(unit: Unit, asked: Sequence[tuple[str, ...]]) -> frozenset[int]:
    """Which words of the question stand in the unit's headings or in itself; of an identifier, not a part."""
    own = set(terms(f"{unit.context}\n{unit.text}"))
    return frozenset(place for place, forms in enumerate(asked) if forms[0] in own)


def begins_within(reading: Reading, start: int, end: int) -> float:
    """The probability, 0..1, that the answer begins between two characters of the passage, if it answers."""
    last = np.array([after - 1 for _, after in reading.offsets], np.int64)  # a space belongs to the word behind it
    return float(reading.starts[(last >= start) & (last < end)].sum())


def probability(reading: Reading) -> float:
    """The probability, 0..1, that the passage answers."""
    return sigmoid(reading.answered)


def sigmoid(log_odds: float) -> float:
    """Log-odds as a probability, 0..1; of what is no number (NaN), the least."""
    return 1 / (1 + math.exp(-min(50.0, max(-50.0, log_odds))))


def unsuspicious(ranked: Sequence[Evidence], suspicious: Sequence[Suspicion]) -> list[Evidence]:
    """The evidence that a language model may be given: none that touches what addresses a machine, or stands under it.

    What nobody sees is taken out of a prompt anyway: the sentence around it may stay.
    """
    orders = [each for each in suspicious if each.reason != UNSEEN]
    heads = {text for each in ranked for text in (each.unit.context, each.unit.header)}
    ordering = {text for text in heads if any(sign.reason != UNSEEN for sign in signs(text))}
    return [
        each
        for each in ranked
        if not ordering.intersection((each.unit.context, each.unit.header))
        and not any(_touches(each, order) for order in orders)
    ]


def unsuspicious_text(text: str) -> str:
    """The text without its sentences that touch what addresses a machine; an ellipsis where none is left."""
    orders = [each for each in signs(text) if each.reason != UNSEEN]
    if not orders:
        return text
    plain = [
        text[span.start : span.end]
        for span in sentences(text)
        if not any(span.start < order.end and order.start < span.end for order in orders)
    ]
    return "\n".join(plain) or "…"


def _touches(evidence: Evidence, suspicion: Suspicion) -> bool:
    same = evidence.hit.source == suspicion.source
    return same and evidence.start < suspicion.end and suspicion.start < evidence.end


def quotes(ranked: Sequence[Evidence]) -> list[Evidence]:
    """The best units that fit together: at most `MOST_QUOTES` and `MOST_CHARACTERS`, the first one whole in any case.

    They stand best first, but neighbours of one document in the document's order.
    """
    chosen: list[Evidence] = []
    left = MOST_CHARACTERS
    for evidence in ranked:
        size = _width(evidence.unit.shown) + 1
        faint = chosen and evidence.score < FAINT * chosen[0].score
        if chosen and (faint or size > left or _repeats(evidence, chosen)):
            continue
        chosen.append(evidence)
        left -= size
        if len(chosen) == MOST_QUOTES:
            break
    return _with_neighbours(chosen)


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
