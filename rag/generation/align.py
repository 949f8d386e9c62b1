"""Which units of several documents say something on the same thing.

Two units are as near as their vectors, the words that they share besides numbers, and their headings say:
`(cosine - m) / (1 - m) + 0.5 · shared + 0.1 · same heading`, where m is the median cosine between units of the two
documents, which tells how near texts are that have nothing to do with each other; or as near as `shared` alone, where
that is more. docs/decisions.md ("Tasks").
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.generation.units import Unit
from rag.protocols import Embedder
from rag.text.context import ARROW
from rag.text.numbers import without_quantities
from rag.text.terms import content_terms

SHARED, HEADING = 0.5, 0.1
"""Weights of shared words and of the same heading."""
NEAR = 0.5
"""From this nearness on two units are of one thing."""
LEAST_SHARED = 0.1
"""Words (Dice) that units of one language share at least: short sentences are near to each other whatever they say."""
PARTNERS = 20
"""Units of another document that one is paired with, at most: a thousand alike rows would be a million pairs."""
TIE = 1e-3
"""Nearness that the farthest place in the other document counts less by, where one of equal units must be chosen."""

Floats = NDArray[np.float32]
Group = tuple[tuple[Unit, ...], ...]
"""What each document says on one thing, in the documents' order: units in the order of the text, none for nothing."""


@dataclass(frozen=True, slots=True)
class _Told:
    """A document's units with what they are compared by: `vectors` (n, d) unit rows, words, nearest headings."""

    units: Sequence[Unit]
    vectors: Floats
    words: list[frozenset[str]]
    headings: list[str]


Place = tuple[int, int]  # of a unit: the document's number, the unit's in it
Pairs = Sequence[tuple[float, Place, Place]]


def align(documents: Sequence[Sequence[Unit]], embedder: Embedder) -> list[Group]:
    """Every unit of every document in exactly one group, in the order of the first document that has it.

    Each document is set against those before it, the nearest pairs first.
    """
    told = [_told(units, embedder) for units in documents]
    of: dict[Place, int] = {}
    for number, own in enumerate(told):
        pairs = sorted(_pairs(told, number), key=lambda pair: -pair[0])
        _join(pairs, of, told)
        _join_lone(pairs, of, told)
        for at in range(len(own.units)):
            of.setdefault((number, at), len(of))
    groups: dict[int, list[Place]] = {}
    for place in sorted(of):
        groups.setdefault(of[place], []).append(place)
    return [
        tuple(tuple(told[number].units[at] for own, at in places if own == number) for number in range(len(told)))
        for places in groups.values()
    ]


def _join(pairs: Pairs, of: dict[Place, int], told: Sequence[_Told]) -> None:
    """Put units into the groups of those that they are nearest to: one of a document to a group, or two neighbours."""
    taken: set[int] = set()
    for _, mine, theirs in pairs:
        group = of[theirs]
        if mine not in of and (group not in taken or _beside(mine, group, of, told)):
            of[mine] = group
            taken.add(group)


def _join_lone(pairs: Pairs, of: dict[Place, int], told: Sequence[_Told]) -> None:
    """What an earlier document says in two neighbouring units and this one in one: the lone second joins the first."""
    sizes = Counter(of.values())
    for _, mine, theirs in pairs:
        if mine in of and sizes[of[theirs]] == 1 and _beside(theirs, of[mine], of, told):
            of[theirs] = of[mine]


def _beside(place: Place, group: int, of: dict[Place, int], told: Sequence[_Told]) -> bool:
    """Whether a unit stands beside one of the group; a row of a table stands for itself."""
    number, at = place
    beside = group in (of.get((number, at - 1)), of.get((number, at + 1)))
    return beside and told[number].units[at].kind != "row"


def _pairs(told: Sequence[_Told], number: int) -> Iterator[tuple[float, Place, Place]]:
    """The units of a document with those of the ones before it that are near them, and how near."""
    for earlier in range(number):
        near = _nearness(told[number], told[earlier])
        for mine, theirs in np.argwhere((near >= NEAR) & _among_the_best(near)).tolist():
            yield float(near[mine, theirs]), (number, mine), (earlier, theirs)


def _among_the_best(near: Floats) -> NDArray[np.bool_]:
    """Which pairs are among the best `PARTNERS` of either unit; of equally near ones, those at the same place."""
    rows, columns = (np.linspace(0, 1, count, dtype=np.float32) for count in near.shape)
    ranked = near - TIE * np.abs(rows[:, None] - columns)
    kept = np.zeros(near.shape, bool)
    for axis, count in enumerate(near.shape):
        best = np.argpartition(ranked, max(0, count - PARTNERS), axis=axis)
        np.put_along_axis(
            kept, np.take(best, range(max(0, count - PARTNERS), count), axis=axis), values=True, axis=axis
        )
    return kept


def _nearness(one: _Told, other: _Told) -> Floats:
    """How near each unit of one document is to each of another; those of one language that share no words are not."""
    cosines = one.vectors @ other.vectors.T
    if not cosines.size:
        return cosines
    middle = min(float(np.median(cosines)), 0.99)
    shared = _shared(one.words, other.words)
    headed = np.array(one.headings)[:, None] == np.array(other.headings)
    alike = np.array(_languages(one))[:, None] == np.array(_languages(other))
    near = (cosines - middle) / (1 - middle) + SHARED * shared + HEADING * headed
    near = np.maximum(
        near, shared
    )  # of a few units the median tells little; half of the words are enough by themselves
    return np.where(alike & (shared < LEAST_SHARED), -np.inf, near).astype(np.float32)


def _shared(one: Sequence[frozenset[str]], other: Sequence[frozenset[str]]) -> Floats:
    """The words that each of one shares with each of the other (Dice), (n, m)."""
    common = frozenset().union(*one) & frozenset().union(*other)
    column = {word: at for at, word in enumerate(sorted(common))}
    held = []
    for side in (one, other):
        has = np.zeros((len(side), len(column)), np.float32)
        for row, words in enumerate(side):
            has[row, [column[word] for word in words & common]] = 1
        held.append(has)
    sizes = np.add.outer([len(words) for words in one], [len(words) for words in other])
    return (2 * (held[0] @ held[1].T) / np.maximum(sizes, 1)).astype(np.float32)


def _languages(told: _Told) -> list[str]:
    return [unit.hit.chunk.language for unit in told.units]


def _told(units: Sequence[Unit], embedder: Embedder) -> _Told:
    """Each unit is embedded with its nearest heading; what is too long for the embedder, by its beginning."""
    headings = [nearest_heading(unit) for unit in units]
    texts = [f"{heading}\n{unit.text}".lstrip() for heading, unit in zip(headings, units, strict=True)]
    vectors = np.empty((0, embedder.dimension), np.float32)
    if texts:
        vectors = embedder.embed_texts([_fitting(text, embedder) for text in texts]).vectors
    words = [frozenset(content_terms(without_quantities(unit.text))) for unit in units]
    return _Told(units, vectors, words, headings)


def nearest_heading(unit: Unit) -> str:
    """The nearest heading; the document's own title says nothing of a unit."""
    _, arrow, nearest = unit.context.rpartition(ARROW)
    return nearest if arrow else ""


def _fitting(text: str, embedder: Embedder) -> str:
    room = embedder.max_tokens - embedder.overhead
    offsets = embedder.token_offsets(text)
    while len(offsets) > room:
        text = text[: offsets[room - 1][0]]
        offsets = embedder.token_offsets(text)
    return text
