"""Quoted phrases of a question: which candidates hold them as they are typed, word for word and in their order.

Case, width and white space do not count. Candidates come from a lexical search for each phrase, so that one that the
whole question does not lead to is looked at too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Store
from rag.text.fold import light

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]

DEPTH = 200
"""Chunks that are looked through for a phrase: those with most of its words by BM25."""

# An inch or a second (3" pipe) opens nothing: what opens stands behind no letter and no digit of Latin.
_QUOTED = re.compile(r'(?<![0-9A-Za-z])"([^"]*)"|[“„]([^“”„]+)[”“]|«([^«»]+)»|「([^「」]+)」|『([^『』]+)』')
_ENDS = re.compile(r"^\W+|\W+$")
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=64)
def quoted(question: str) -> tuple[str, ...]:
    """The phrases in quotation marks, each once, as they are compared; of one without a letter or digit, none."""
    found = (next(filter(None, match), "") for match in _QUOTED.findall(question))
    return tuple(dict.fromkeys(filter(None, (_ENDS.sub("", _plain(phrase)) for phrase in found))))


def holds(text: str, phrase: str) -> bool:
    """Whether a text has the phrase, one of `quoted`; a word of it is not a part of a longer word."""
    return _pattern(phrase).search(_plain(text)) is not None


def holding(store: Store, phrases: Sequence[str], among: Rows | None = None) -> Rows:
    """The rows, ascending, that hold one of the phrases at least, of those that are looked through."""
    found = [np.empty(0, np.int64)]
    for phrase in phrases:
        rows, _ = store.search_lexical(phrase, DEPTH, among)
        chunks = store.chunks([int(row) for row in rows])
        found.append(rows[[holds(chunk.text, phrase) for chunk in chunks]] if len(rows) else rows)
    return np.unique(np.concatenate(found))


def shares(store: Store, question: str, phrases: Sequence[str], rows: Rows) -> Floats:
    """How much of the question the phrases are that each row holds, 0..1, by the IDF of their words."""
    held = np.zeros(len(rows), np.float32)
    mass = store.mass(question)
    texts = [chunk.text for chunk in store.chunks([int(row) for row in rows])] if phrases and mass else []
    for phrase in phrases if texts else ():
        share = np.float32(store.mass(phrase) / mass)
        held += share * np.array([holds(text, phrase) for text in texts], np.float32)
    return np.minimum(held, np.float32(1))


@lru_cache(maxsize=64)
def _pattern(phrase: str) -> re.Pattern[str]:
    """The phrase between signs that are no letters; scripts that write no spaces know no such bounds."""
    front = r"(?<![^\W_])" if phrase[0] < "\u0e00" else ""
    back = r"(?![^\W_])" if phrase[-1] < "\u0e00" else ""
    return re.compile(front + re.escape(phrase) + back)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", light(text))
