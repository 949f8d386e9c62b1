"""A page's words, by the quarters of a turn in which they stand, those of a line of text together.

Most words are plain: upright, ASCII, on one line, no gap in them. Those are measured all at once, which gives what
`rag.corpus.readers.pdf.letters` gives word by word; the others are left to it.
"""

from __future__ import annotations

import ctypes
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
from numpy.typing import NDArray

from rag.corpus.cleaned import Cleaned
from rag.corpus.readers.pdf import calls
from rag.corpus.readers.pdf.letters import BROKEN, FURTHEST, LARGEST, WIDEST, WORD, Letters, piece
from rag.corpus.readers.pdf.words import SIGNS, Word, belongs, cleaned_in

MOST_WORDS = 60_000
"""Words of a page that are laid out; a page with more of them is no page that anybody reads."""
TOGETHER = 0.45
"""Words up to this multiple of their size apart are a line of text; a gutter, or a gap between cells, is wider."""

BATCH = 2048
"""Runs that are measured at once."""

_SURROGATE = re.compile("[\ud800-\udfff]")

Box = tuple[float, float, float, float]
Run = tuple[int, int, int | None]
"""From which character to which, and what draws the first of them; None where pdfium put it in."""


@dataclass(frozen=True, slots=True)
class Turns:
    """Words by quarters to the left, their places those on the page turned back.

    `beyond` counts the words outside of the page, which are left out; `crowded` where there were too many; `cleaned` is
    what was done to the words.
    """

    words: dict[int, list[Word]]
    beyond: int
    crowded: bool
    cleaned: Cleaned


@dataclass(frozen=True, slots=True)
class Measured:
    """Of n runs, (n,) each: which are plain, and inside of the page; of these, where they stand, as `piece` says it."""

    plain: NDArray[np.bool_]
    bold: NDArray[np.bool_]
    x0: calls.Numbers
    x1: calls.Numbers
    y: calls.Numbers
    size: calls.Numbers


def turns(text: Any, box: Box) -> Turns:
    """The words of a page; `box` is what is shown of it: left, bottom, right, top."""
    found: dict[int, list[Word]] = defaultdict(list)
    count = beyond = 0
    letters, characters = Letters(text), _characters(text)
    runs = _runs(letters.text, characters)
    for turn, word in _words(letters, characters, islice(runs, MOST_WORDS), box):
        count += 1
        if count > MOST_WORDS:
            break
        before = found[turn][-1] if found[turn] else None
        if _is_outside(word, box, turn):
            beyond += 1
        elif before and _follows(before, word):
            before.text, before.x1, before.broken = f"{before.text} {word.text}", word.x1, word.broken
        else:
            found[turn].append(word)
    return Turns(found, beyond, count > MOST_WORDS or next(runs, None) is not None, cleaned_in(characters))


def _follows(before: Word, word: Word) -> bool:
    """Whether a word stands behind another as in a line of text."""
    if word.y != before.y or word.size != before.size or word.bold != before.bold or belongs(before, word):
        return False
    return 0 < word.x0 - before.x1 < TOGETHER * word.size and before.text.isascii() and word.text.isascii()


def _is_outside(word: Word, box: Box, turn: int) -> bool:
    left, bottom, right, top = box
    if turn % 2:
        left, bottom, right, top = bottom, left, top, right
    if turn in (1, 2):
        bottom, top = -top, -bottom
    if turn in (2, 3):
        left, right = -right, -left
    return word.x1 < left or word.x0 > right or word.y + word.size < bottom or word.y > top


def _characters(text: Any) -> str:
    """What the page says, one character for each of pdfium's."""
    count = max(0, pdfium.FPDFText_CountChars(text))
    units = (ctypes.c_ushort * (2 * count + 2))()
    written = pdfium.FPDFText_GetText(text, 0, count, units)
    found = bytes(units)[: max(0, 2 * written - 2)].decode("utf-16-le", "surrogatepass")
    if len(found) == count and (found.isascii() or not _SURROGATE.search(found)):
        return found
    codes = (pdfium.FPDFText_GetUnicode(text, at) for at in range(count))
    return "".join(chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd" for code in codes)


def _runs(text: int, characters: str) -> Iterator[Run]:
    """The words, those as one that the file writes at once with a space between them: that spares most of the work."""
    start = end = 0
    last: int | None = None
    for found in WORD.finditer(characters):
        first, after = found.span()
        drawn = calls.text_object(text, first)
        near = drawn == last and first - end == 1 and drawn is not None and characters[end - 1] not in BROKEN
        if near and calls.text_object(text, end) == drawn:
            end = after
            continue
        if end:
            yield start, end, last
        start, end, last = first, after, drawn
    if end:
        yield start, end, last


def _words(letters: Letters, characters: str, runs: Iterator[Run], box: Box) -> Iterator[tuple[int, Word]]:
    """The words, and the quarters by which they are turned, in the file's order; plain ones of a line mostly as one."""
    while batch := list(islice(runs, BATCH)):
        texts = [characters[start:end] for start, end, _ in batch]
        measured = _measured(letters, texts, batch, box)
        plain, bold = measured.plain.tolist(), measured.bold.tolist()
        x0, x1, y, size = (each.tolist() for each in (measured.x0, measured.x1, measured.y, measured.size))
        first = 0
        for after in [*_breaks(measured, texts), len(batch)]:
            if plain[first]:
                text = texts[first] if after - first == 1 else " ".join(texts[first:after])
                yield 0, Word(text, x0[first], x1[after - 1], y[first], size[first], bold[first])
            else:
                yield from piece(letters, texts[first], *batch[first][:2])
            first = after


def _measured(letters: Letters, texts: Sequence[str], runs: Sequence[Run], box: Box) -> Measured:
    starts, ends, drawn = zip(*runs, strict=True)
    x, y = calls.origins(letters.text, starts).T
    a, b, c, d, _, _ = calls.matrices(letters.text, starts).T
    left, x1, bottom, top = calls.boxes(letters.text, [end - 1 for end in ends]).T
    length = np.array(ends) - starts
    with np.errstate(all="ignore"):  # absurd numbers compare as false, so that what has them is not plain
        given = calls.font_sizes(letters.text, starts) * np.abs(d)
        x0 = np.where(length > 1, np.minimum(left, x), left)
        height = top - bottom
        size = np.where((0.4 * height <= given) & (given <= LARGEST), given, np.maximum(1.3 * height, 1.0))
        upright = (c == 0) & (np.abs(b) < 0.01 * a)
        level = (length == 1) | ((bottom <= y + given) & (top >= y - 0.5 * given))
        together = x1 - x0 <= WIDEST * size * length
        placed = np.abs(x0 + x1 + bottom + top + x + y + given) < FURTHEST
        inside = (x1 >= box[0]) & (x0 <= box[2]) & (y + size >= box[1]) & (y <= box[3])
    ascii_alone = [text.isascii() and text.isprintable() for text in texts]
    plain = upright & level & together & placed & inside & ascii_alone
    return Measured(plain, _bold(letters, starts, drawn), x0, x1, y, size)


def _bold(letters: Letters, starts: Sequence[int], drawn: Sequence[int | None]) -> NDArray[np.bool_]:
    """(n,): whether each is bold, asked once for each font."""
    fonts = list(map(calls.font_of, drawn))
    bold = {font: letters.bold(at) for font, at in dict(zip(fonts, starts, strict=True)).items()}
    return np.array([bold[font] for font in fonts])


def _breaks(measured: Measured, texts: Sequence[str]) -> list[int]:
    """The runs that do not follow the run before as `_follows` has it, and those of which only that can tell."""
    x0, x1, y, size, bold = measured.x0, measured.x1, measured.y, measured.size, measured.bold
    plain = measured.plain & [text not in SIGNS for text in texts]
    alike = (y[1:] == y[:-1]) & (size[1:] == size[:-1]) & (bold[1:] == bold[:-1])
    gap = x0[1:] - x1[:-1]
    follow = plain[1:] & plain[:-1] & alike & (gap > 0) & (gap < TOGETHER * size[1:])
    breaks: list[int] = (np.flatnonzero(~follow) + 1).tolist()
    return breaks
