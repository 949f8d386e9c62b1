"""Every document that has some words, none left out: what no search for the best k can tell.

Words are those of the lexical index, so a text is found in any form of them («typhoons» for «typhoon»), in one passage
together. What is in quotation marks, is more than letters (KX-204) or is of a script that writes no spaces is
looked for as it is typed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Chunk, Hit
from rag.index.filters import parse_filter
from rag.protocols import Store
from rag.retrieval.candidates import Candidates
from rag.retrieval.dress import dressed
from rag.retrieval.phrases import holds, quoted
from rag.text.context import embedded_text
from rag.text.fold import light
from rag.text.terms import UNSPACED, content_words, phrase_words, terms

READ = 1000
"""Chunks that are read at once."""
MOST_COMPARED = 50
"""Passages of a document among which the one that is shown is chosen."""

_QUOTES = re.compile(r'"[^"]*"|[“„][^“”„]*[”“]|«[^«»]*»|「[^「」]*」|『[^『』]*』')
_SINGLE_QUOTES = re.compile(r"(?<!\w)(?:'([^']+)'|‘([^‘’]+)’)(?!\w)")
_AROUND = ".:!?()[]'‘’。：！？（）《》"
_BREAK = re.compile(r"[\s,，、;；]+")
_UNSPACED = re.compile(f"[{UNSPACED}]")

Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scan:
    """The documents that have what was looked for, those with the most passages first.

    `documents` were looked at; `unread` more files gave no text, so nobody knows. `found` counts the documents that
    have it and `passages` their passages with it, `hits` has the best one of each of the first documents.
    """

    documents: int
    unread: int
    found: int
    passages: int
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class _Sought:
    """`words` in any of their forms, `phrases` as they are typed."""

    words: tuple[tuple[str, ...], ...]
    phrases: tuple[str, ...]

    def needed(self) -> list[tuple[str, ...]]:
        """For each word of these the terms of which a chunk that has it has one at least."""
        return [*self.words, *(forms for phrase in self.phrases for forms in phrase_words(phrase))]


def scan(store: Store, wanted: str, *, where: str = "", most: int) -> Scan | None:
    """All documents that have `wanted`, and of `most` of them a hit each; None where there is nothing to look for.

    `where` is as in `Retriever.retrieve`; of files that gave no text, all are counted, whatever it lets through.
    """
    sought = _sought(wanted)
    needed = sought.needed()
    if not needed:
        return None
    conditions = parse_filter(where)
    looked_at = store.rows_where(conditions)
    rows = np.intersect1d(store.rows_having(needed), looked_at, assume_unique=True)
    if sought.phrases:
        rows = np.array(list(_holding(store, rows, sought.phrases)), np.int64)
    of_document: dict[str, list[int]] = {}
    for row, document in zip(rows.tolist(), store.documents_of(rows), strict=True):
        of_document.setdefault(document, []).append(row)
    ordered = sorted(of_document.values(), key=lambda own: (-len(own), own))
    best = np.array([_best(store, own, needed) for own in ordered[:most]], np.int64)
    shown = Candidates.of(best, np.zeros(len(best), np.float32))
    return Scan(
        documents=len(set(store.documents_of(looked_at))),
        unread=sum(source.document is None and not source.left_out for source in store.all_sources()),
        found=len(ordered),
        passages=len(rows),
        hits=tuple(dressed(store, shown, len(best), where=conditions)),
    )


def _sought(wanted: str) -> _Sought:
    wanted = _SINGLE_QUOTES.sub(lambda found: f'"{found[1] or found[2]}"', wanted)
    pieces = [piece.strip(_AROUND) for piece in _BREAK.split(_QUOTES.sub(" ", wanted))]
    said = [piece for piece in pieces if any(char.isalnum() for char in piece)]  # a sign alone stands in no index
    typed = [piece for piece in said if not piece.isalpha() or _UNSPACED.search(piece)]
    words = " ".join(piece for piece in said if piece not in typed)
    return _Sought(tuple(content_words(words)), (*quoted(wanted), *map(light, typed)))


def _holding(store: Store, rows: Rows, phrases: Sequence[str]) -> Iterator[int]:
    """The rows with all the phrases, in their text or in the headings above it."""
    for start in range(0, len(rows), READ):
        part = rows[start : start + READ].tolist()
        for row, chunk in zip(part, store.chunks(part), strict=True):
            if all(holds(embedded_text(chunk), phrase) for phrase in phrases):
                yield row


def _best(store: Store, rows: Sequence[int], needed: Sequence[Sequence[str]]) -> int:
    """The row that says itself, and most often, what the others may have only in their headings."""
    first = rows[:MOST_COMPARED]
    told = [_told(chunk, needed) for chunk in store.chunks(first)]
    return first[told.index(max(told))]


def _told(chunk: Chunk, needed: Sequence[Sequence[str]]) -> tuple[int, int]:
    """How many of the words a chunk has, and how often."""
    own = Counter(terms(chunk.text))
    counts = [sum(own[form] for form in forms) for forms in needed]
    return sum(count > 0 for count in counts), sum(counts)
