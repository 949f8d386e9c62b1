"""The words and rules of a page, in points from its lower left corner, and words put together to rows."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from rag.corpus.cleaned import Cleaned, Cleaning

CELL_GAP = 0.9
"""A row has another cell behind a gap of this multiple of its size."""
LEVEL = 0.35
"""Words are on one row whose baselines differ by less than this multiple of the larger size."""
RAISED, MOST_SIGNS = 0.7, 12
"""Signs stand at most this multiple of the letters' size higher or lower, and so many in one row."""

_CURRENCY, _ENDINGS = {"$", "€", "£", "¥", "￥"}, {")", "%", ")%"}
SIGNS = _CURRENCY | _ENDINGS
"""What is written to a word without a space; see `belongs`."""
MARKER = re.compile(r"[-*•·▪▫◦‣⁃–—●○■□◆◇➢➤✓✔❖\uf0b7\uf0a7o]|\(?(?:\d{1,2}|[a-zA-Z]|[ivx]{1,4})[.)]|\.\d{1,2}|[①-⑳]")
"""What begins an item of a list."""
_DROPPED = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b\u2060\ufeff\ufffe]")
"""Control characters, soft hyphens, and marks of no width that only serve to set type."""
_FOLDED = re.compile("[\ufb00-\ufb06\ufb1d-\ufdff\ufe70-\ufeff]+")
"""Ligatures, and the forms in which Hebrew and Arabic letters are drawn."""
_UNSEEN = re.compile("[\x01\x03-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff]")
"""Of what is dropped, all but white space and what pdfium has in place of ends of lines."""


@dataclass(slots=True)
class Word:
    """Text without a space in it: from `x0` to `x1` on the baseline `y`. `broken` where a hyphen ends its line."""

    text: str
    x0: float
    x1: float
    y: float
    size: float
    bold: bool = False
    broken: bool = False


class Rule(NamedTuple):
    """A line that is drawn."""

    x0: float
    y0: float
    x1: float
    y1: float


class Cell(NamedTuple):
    """Words of a row that stand close together: from where to where, and what they say."""

    x0: float
    x1: float
    text: str

    @property
    def middle(self) -> float:
        """Its middle."""
        return (self.x0 + self.x1) / 2


@dataclass(slots=True)
class Row:
    """Words on one baseline from left to right; or a `table`, which stands in its first row's place."""

    words: list[Word]
    y: float
    size: float
    table: list[list[str]] | None = None
    _text: str | None = field(default=None, repr=False)
    _cells: list[Cell] | None = field(default=None, repr=False)
    x0: float = field(init=False)
    x1: float = field(init=False)

    def __post_init__(self) -> None:
        self.x0 = self.words[0].x0
        self.x1 = _right(self.words)

    @property
    def bold(self) -> bool:
        """Whether all of it is."""
        return all(word.bold for word in self.words)

    @property
    def broken(self) -> bool:
        """Whether it ends inside a word."""
        return self.words[-1].broken

    @property
    def text(self) -> str:
        """What it says."""
        if self._text is None:
            self._text = said(self.words)
        return self._text

    @property
    def cells(self) -> list[Cell]:
        """Its words in groups that wide gaps part.

        A currency sign, a bracket, a per cent sign are with their amount, the marker of a list with what it marks.
        """
        if self._cells is None:
            self._cells = _cells(self.words, self.size)
        return self._cells


def clean(text: str) -> str:
    """The text with ligatures as letters and without what nobody sees; half a surrogate pair becomes U+FFFD."""
    if text.isascii() and text.isprintable():
        return text
    folded = _FOLDED.sub(lambda found: unicodedata.normalize("NFKC", found[0]), _DROPPED.sub("", text))
    return folded.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def cleaned_in(text: str) -> Cleaned:
    """What `clean` does to the words of a page that says `text`."""
    if text.isascii() and not _UNSEEN.search(text):
        return {}
    folded = sum(len(found[0]) for found in _FOLDED.finditer(text)) - text.count("\ufeff")
    return {Cleaning.LIGATURES: folded, Cleaning.INVISIBLE_DROPPED: sum(1 for _ in _UNSEEN.finditer(text))}


def rows(words: Iterable[Word]) -> list[Row]:
    """The words on rows, from the top down; what is raised or lowered beside a larger word is on its row."""
    found: list[list[Word]] = []
    for word in sorted(words, key=lambda word: -word.y):
        for row in found[:-4:-1]:
            if row[0].y == word.y or _level(row[0], word):
                row.append(word)
                break
        else:
            found.append([word])
    return [row_of(row) for row in _lowered(found)]


def _lowered(found: list[list[Word]]) -> list[list[Word]]:
    """The rows, small signs put to the row that they belong to: the number of a footnote, an index, ®."""
    kept: list[list[Word]] = []
    for number, row in enumerate(found):
        for other in (*kept[-1:], *found[number + 1 : number + 2]):
            if abs(other[0].y - row[0].y) <= RAISED * other[0].size and _are_raised(row, other):
                other.extend(row)
                break
        else:
            kept.append(row)
    return kept


def _are_raised(signs: Sequence[Word], row: Sequence[Word]) -> bool:
    """Whether all the signs are smaller than the row's words and stand closely beside one of them."""
    size = max(word.size for word in row)
    if len(signs) > MOST_SIGNS or max(sign.size for sign in signs) > 0.85 * size:
        return False
    return all(any(_is_close(sign, word) for word in row) for sign in signs)


def _is_close(sign: Word, word: Word) -> bool:
    return max(sign.x0 - word.x1, word.x0 - sign.x1) <= 0.6 * word.size and sign.size < word.size


def row_of(words: Sequence[Word]) -> Row:
    """Words that are known to be on one row; its place and size are those of most of its letters."""
    if len(words) == 1:
        return Row(list(words), words[0].y, words[0].size)
    size, y = words[0].size, words[0].y
    if any(word.y != y or word.size != size for word in words):
        sizes: Counter[tuple[float, float]] = Counter()
        for word in words:
            sizes[word.size, word.y] += len(word.text)
        size, y = max(sizes, key=lambda each: (sizes[each], each))
    return Row(sorted(words, key=lambda word: word.x0), y, size)


def _level(first: Word, word: Word) -> bool:
    return abs(first.y - word.y) <= LEVEL * max(first.size, word.size)


def is_spread(words: Sequence[Word], size: float) -> bool:
    """Whether a row is text that is set to a width: words with spaces between them that are wide, but all alike."""
    if len(words) < 4 or not all(word.text[0].isalpha() for word in words[1:-1]):
        return False
    gaps = [word.x0 - before.x1 for before, word in pairwise(words)]
    return min(gaps) > 0 and max(gaps) <= min(1.2 * min(gaps) + 0.1 * size, 3 * size)


def _cells(words: Sequence[Word], size: float) -> list[Cell]:
    groups = [[words[0]]]
    reached = words[0].x1
    spread = is_spread(words, size)
    for word in words[1:]:
        if not spread and word.x0 - reached > CELL_GAP * size and not belongs(groups[-1][-1], word):
            groups.append([word])
        else:
            groups[-1].append(word)
        reached = max(reached, word.x1)
    if len(groups) > 1 and MARKER.fullmatch(said(groups[0])):
        groups[:2] = [groups[0] + groups[1]]
    return [Cell(group[0].x0, _right(group), said(group)) for group in groups]


def _right(words: Sequence[Word]) -> float:
    """Where the last of them ends."""
    return words[0].x1 if len(words) == 1 else max(word.x1 for word in words)


def belongs(before: Word, word: Word) -> bool:
    """Whether one of the words is a sign that is written to the other without a space, however far it stands."""
    return before.text in _CURRENCY or word.text in _ENDINGS


def said(words: Sequence[Word]) -> str:
    """The words of a row as text in the order in which they are read."""
    texts = [word.text for word in words]
    if SIGNS.isdisjoint(texts) and all(map(str.isascii, texts)):
        return " ".join(texts)
    ordered = _reading_order(words)
    parts = [ordered[0].text]
    for before, word in pairwise(ordered):
        gap = max(word.x0 - before.x1, before.x0 - word.x1)
        close = gap < 0.3 * word.size and _is_wide(before.text[-1]) and _is_wide(word.text[0])
        parts.append(word.text if close or belongs(before, word) else f" {word.text}")
    return "".join(parts)


def _is_wide(char: str) -> bool:
    return char >= "\u2e80" and unicodedata.east_asian_width(char) in "WF"


def _reading_order(words: Sequence[Word]) -> Sequence[Word]:
    """From left to right, or from right to left with runs of Latin words and numbers the other way round."""
    if all(word.text.isascii() for word in words):
        return words
    leftward = [_goes_left(word.text) for word in words]
    if not _mostly(leftward):
        return words
    ordered: list[Word] = []
    run: list[Word] = []
    for word, left in zip(reversed(words), reversed(leftward), strict=True):
        if left is False or (left is None and any(map(str.isdigit, word.text))):
            run.insert(0, word)
            continue
        ordered.extend(run)
        run = []
        ordered.append(word)
    return [*ordered, *run]


def _goes_left(text: str) -> bool | None:
    """Whether a word is written from right to left; None where its characters do not tell."""
    for char in text:
        kind = unicodedata.bidirectional(char)
        if kind in ("R", "AL"):
            return True
        if kind == "L":
            return False
    return None


def reads_leftward(text: str) -> bool:
    """Whether most of a text's words are written from right to left."""
    return not text.isascii() and _mostly([_goes_left(word) for word in text.split()])


def _mostly(leftward: Sequence[bool | None]) -> bool:
    return sum(map(bool, leftward)) > sum(each is False for each in leftward)
