"""Which words of a passage are those of a question: what a terminal shows in bold."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.text.terms import UNSPACED, content_terms, terms

# Words, or single characters of scripts that write no spaces.
_WORD = re.compile(rf"[{UNSPACED}]|[^\W{UNSPACED}]+(?:[-'’.][^\W{UNSPACED}]+)*")
_ALONE = re.compile(rf"[{UNSPACED}]")


def highlighted(text: str, question: str) -> list[tuple[str, bool]]:
    """The text in pieces, each with whether it is a word of the question; joined they are the text.

    In scripts without spaces two characters in a row are compared, as the lexical leg does.
    """
    pieces: list[tuple[str, bool]] = []
    at = 0
    for start, end in _merged(_matches(text, question)):
        if at < start:
            pieces.append((text[at:start], False))
        pieces.append((text[start:end], True))
        at = end
    if at < len(text):
        pieces.append((text[at:], False))
    return pieces


def _matches(text: str, question: str) -> Iterator[tuple[int, int]]:
    """Where words of the question stand, in order; two characters each where there are no spaces."""
    asked = frozenset(content_terms(question))
    for match in _WORD.finditer(text):
        start, end = match.span()
        if _ALONE.fullmatch(match[0]):
            end += 1
        if not asked.isdisjoint(terms(text[start:end])):
            yield start, min(end, len(text))


def _merged(spans: Iterator[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in spans:
        if merged and start < merged[-1][1]:
            merged[-1] = merged[-1][0], end
        else:
            merged.append((start, end))
    return merged
