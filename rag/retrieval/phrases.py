"""Quoted phrases of a question: which chunks hold them as they are typed, word for word and in their order.

Case, width and white space do not count. The lexical leg tells which chunks have all words of a phrase; their texts
tell in which they stand together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from rag.protocols import Store
from rag.text.fold import light
from rag.text.terms import UNSPACED, VOWEL_SIGNS, content_words, phrase_words

Rows = NDArray[np.int64]
Floats = NDArray[np.float32]

MOST = 500
"""Chunks with all words of a phrase that are read; of more, the best by BM25."""

# An inch or a second (3" pipe) opens nothing: what opens stands behind no letter and no digit of Latin.
_QUOTED = re.compile(r'(?<![0-9A-Za-z])"([^"]*)"|[“„]([^“”„]+)[”“]|«([^«»]+)»|「([^「」]+)」|『([^『』]+)』')
_ENDS = re.compile(rf"^[^\w{UNSPACED}]+|[^\w{UNSPACED}{VOWEL_SIGNS}]+$")
_UNSPACED = "\u0e00"  # Thai; the scripts before it write spaces
_LETTER = rf"[^\W_{_UNSPACED}-\U0010ffff]"
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=64)
def quoted(question: str) -> tuple[str, ...]:
    """The phrases in quotation marks, each once, as they are compared; of one without a letter or digit, none."""
    found = (next(filter(None, match), "") for match in _QUOTED.findall(question))
    return tuple(dict.fromkeys(filter(None, (_ENDS.sub("", _plain(phrase)) for phrase in found))))


def holds(text: str, phrase: str) -> bool:
    """Whether a text has the phrase, one of `quoted`; a word of it is not a part of a longer word."""
    return _pattern(phrase).search(_plain(text)) is not None


def holding(store: Store, phrase: str, among: Rows | None = None) -> Rows:
    """The rows, ascending, that hold the phrase; `among` (m,), ascending, are those that are wanted.

    A single character of a script that writes no spaces is not looked for: no leg knows where it stands.
    """
    rows = store.rows_having(phrase_words(phrase))
    if among is not None:
        rows = np.intersect1d(rows, among, assume_unique=True)
    if len(rows) > MOST:
        rows = np.sort(store.search_lexical(phrase, MOST, rows)[0])
    chunks = store.chunks([int(row) for row in rows])
    return rows[[place for place, chunk in enumerate(chunks) if holds(chunk.text, phrase)]]


def shares(store: Store, question: str, held: Mapping[str, Rows], rows: Rows) -> Floats:
    """How much of the question the phrases are that each row holds, 0..1.

    `held` has the rows of each phrase, as `holding` gives them. A phrase has an IDF of its own, by how few hold it: its
    words may be common where it is rare. That is taken as a share of the IDF of the question's words.
    """
    found = np.zeros(len(rows), np.float32)
    count = sum(store.languages().values())
    mass = sum(min(map(store.idf, forms)) for forms in set(content_words(question))) if held else 0.0
    for holders in held.values():
        idf = math.log((count - len(holders) + 0.5) / (len(holders) + 0.5) + 1)
        found += np.float32(idf / max(mass, idf)) * np.isin(rows, holders)
    return np.minimum(found, np.float32(1))


@lru_cache(maxsize=64)
def _pattern(phrase: str) -> re.Pattern[str]:
    """The phrase, not as a part of longer words; scripts that write no spaces have no such bounds, and are one."""
    front = rf"(?<!{_LETTER})(?<!{_LETTER}['’])(?<![{VOWEL_SIGNS}])" if phrase[0] < _UNSPACED else ""
    back = rf"(?!['’]?{_LETTER}|[{VOWEL_SIGNS}])" if phrase[-1] < _UNSPACED else ""
    front += r"(?<![0-9][.,])" if phrase[0].isdigit() else ""
    back += r"(?![.,][0-9])" if phrase[-1].isdigit() else ""
    return re.compile(front + re.escape(phrase) + back)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", light(text))
