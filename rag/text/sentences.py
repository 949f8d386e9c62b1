"""Texts cut into the units that can be quoted: sentences, headings, list items, table rows, lines of code.

Blocks come first (blank lines, Markdown's structure), sentences inside a block second; a newline inside a
paragraph is white space. Spans are exact, and linear time holds for any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from rag.datatypes import Markup, check_span
from rag.text.abbreviations import ALWAYS, BEFORE_NUMBERS, ORDINAL_STOPS, SOMETIMES, TITLES
from rag.text.language import function_words, language
from rag.text.markdown import Block, Line, blocks, lines
from rag.text.plain import headings, underlined

SpanKind = Literal["prose", "heading", "item", "row", "header", "code"]

# What may stand between a sentence's stop and its end: closing quotes and brackets, footnote marks.
_CLOSERS = "\"'”’»›)\\]}」』）》〉】〕］｝〗〙*_`"
_AFTER = rf"(?:[{_CLOSERS}]|\[[0-9]{{1,3}}\])*+"
_boundary = re.compile(
    rf"(?P<firm>[。！？；｡︒﹗﹖．؟۔।॥։።፧။។៕༎]++[….]*+{_AFTER})"
    rf"|(?P<stop>(?<![.!?‽…])[.!?‽…]++(?P<tail>{_AFTER})(?=\s|\Z|[\u3041-\u30ff\u3400-\u9fff]))"
    rf"|(?P<thai>(?<=[\u0e01-\u0e5b])[ \u00a0]+(?=[\u0e01-\u0e5b]))"
)
_last_word = re.compile(r"[^\s\"'“‘«‹(\[{（「『]*\Z")
_next_word = re.compile(r"[\s\"'“‘«‹(\[{（「『¿¡*_`]*([^\W_]+\.?)?")
# «z. B.», «d. h.», «i. e.»: the stop after one letter, when another lettered stop follows.
_lettered = re.compile(r"[^\W\d_]\.")
# «F.C.», «J.R.R.»: the letters before the last stop.
_initials = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
_LONGEST_WORD = 24
# Within this many characters an open quotation holds its sentences together.
_QUOTATION = 120
_PAIRS = (("“", "”"), ("「", "」"), ("『", "』"), ("（", "）"), ("《", "》"))
# Thai marks no ends; a space there is a comma or a stop, so a stretch of some length ends at the next one.
_THAI_SENTENCE = 80

_BULLET = re.compile(
    r"[ \t\u3000]*(?:[-*+•●○▪■□◦‣⁃∙·➢✓–—][ \t\u3000]+|[•●▪◦‣]|\(?[0-9]{1,3}[.)）][ \t\u3000]+"
    r"|\(?[a-zA-Z][)）][ \t]+|[（(]?[一二三四五六七八九十]{1,3}[、）)]|[①-⑳])(?=\S)"
)
_blank_lines = re.compile(r"(?:\r\n|\r|\n)(?:[^\S\r\n]*+(?:\r\n|\r|\n))+|\f")
_newline = re.compile(r"\r\n|\r|\n")
# A line that leaves more than this share of the paragraph's width free was broken on purpose.
_FULL_LINE = 0.6


@dataclass(frozen=True, slots=True)
class Span:
    """The unit `text[start:end]`, without white space around it."""

    start: int
    end: int
    kind: SpanKind = "prose"

    def __post_init__(self) -> None:
        check_span(self.start, self.end)


def sentences(text: str, markup: Markup = "plain", *, titled: bool = True) -> list[Span]:
    """The units of a text in order, without overlap; the first line of plain text may be a title where it is `titled`.

    Every character that is not white space lies in one of them, except for what only draws: the line under a
    heading and, in Markdown, the line of dashes in a table, the marks of a code fence, horizontal rules. A list
    item's spans include its marker, a heading's its `#`. In code, and where lines are records, no unit goes over lines.
    """
    code = language(text)
    if markup == "markdown":
        found = _markdown(text, code)
    elif markup in ("code", "lines"):
        kind: SpanKind = "code" if markup == "code" else "prose"
        found = (span for line in lines(text) for span in _run(text, line.start, line.end, kind, code))
    else:
        found = _plain(text, code, titled=titled)
    return list(found)


def _markdown(text: str, code: str) -> Iterator[Span]:
    for block in blocks(text):
        if block.kind == "table":
            yield from _table(text, block)
        elif block.kind == "heading":
            yield from _heading(text, block)
        elif block.kind in ("code", "front", "html"):
            start, end = (block.start, block.end) if block.kind == "html" else block.inner
            # Four spaces of indentation make code without a fence, and then nothing is left out.
            yield from _lines(text, start, end)
        elif block.kind == "item":
            yield from _run(text, block.start, block.end, "item", code)
        elif block.kind == "paragraph":
            yield from _run(text, block.start, block.end, "prose", code)


def _table(text: str, block: Block) -> Iterator[Span]:
    if block.header is not None:
        header = _newline.search(text, *block.header)
        yield from _trimmed(text, block.header[0], header.start() if header else block.header[1], "header")
    for start, end in block.rows:
        yield from _trimmed(text, start, end, "row")


def _heading(text: str, block: Block) -> Iterator[Span]:
    hashed = text[block.start : block.end].lstrip().startswith("#")
    start, end = (block.start, block.end) if hashed else block.inner
    yield from _trimmed(text, start, end, "heading")


def _lines(text: str, start: int, end: int) -> Iterator[Span]:
    for line in lines(text[start:end]):
        yield from _trimmed(text, start + line.start, start + line.end, "code")


def _plain(text: str, code: str, *, titled: bool) -> Iterator[Span]:
    at = 0
    for heading in headings(text, titled=titled):
        yield from _plain_paragraphs(text, at, heading.start, code)
        yield Span(heading.start, heading.end, "heading")
        at = underlined(text, heading)
    yield from _plain_paragraphs(text, at, len(text), code)


def _plain_paragraphs(text: str, at: int, after: int, code: str) -> Iterator[Span]:
    while at < after:
        gap = _blank_lines.search(text, at, after)
        end = gap.start() if gap else after
        yield from _plain_paragraph(text, at, end, code)
        at = gap.end() if gap else after


def _plain_paragraph(text: str, start: int, end: int, code: str) -> Iterator[Span]:
    """A paragraph, cut before every line that begins as a list item does."""
    at, kind = start, _kind(text[start:end])
    for line in lines(text[start:end])[1:]:
        if _BULLET.match(line.content):
            yield from _run(text, at, start + line.start, kind, code)
            at, kind = start + line.start, "item"
    yield from _run(text, at, end, kind, code)


def _kind(paragraph: str) -> SpanKind:
    return "item" if _BULLET.match(paragraph.lstrip("\r\n")) else "prose"


# ---------------------------------------------------------------- sentences inside one block


def _run(text: str, start: int, end: int, kind: SpanKind, code: str) -> Iterator[Span]:
    """The sentences of one block."""
    block = text[start:end]
    at = 0
    for cut in sorted({*_ends(block, code), *_broken_lines(block, code)}):
        yield from _trimmed(text, start + at, start + cut, kind)
        at = cut
    yield from _trimmed(text, start + at, end, kind)


def _trimmed(text: str, start: int, end: int, kind: SpanKind) -> Iterator[Span]:
    unit = text[start:end]
    bare = unit.strip()
    if bare:
        first = start + len(unit) - len(unit.lstrip())
        yield Span(first, first + len(bare), kind)


def _ends(block: str, code: str) -> Iterator[int]:
    """Where sentences of one block end."""
    last = _marker_end(block)
    for match in _boundary.finditer(block, last):
        end = match.end()
        if match.lastgroup == "thai":
            if match.start() - last < _THAI_SENTENCE:
                continue
        elif (match["stop"] and not _is_end(block, match, code)) or _inside_quotes(block, last, end):
            continue
        last = end
        yield end


def _marker_end(block: str) -> int:
    """Where a list marker ends, so that «1.» is no sentence."""
    marker = _BULLET.match(block)
    return marker.end() if marker else 0


def _inside_quotes(block: str, last: int, end: int) -> bool:
    """Whether a quotation or bracket is open here that closes soon, or a «」と» carries the sentence on."""
    if block[end - 1] in "」』”" and block[end : end + 1] in ("と", "、", "，", ","):
        return True
    before = block[max(last, end - _QUOTATION) : end]
    for opening, closing in _PAIRS:
        if before.count(opening) > before.count(closing):
            after = block[end : end + _QUOTATION]
            close = after.find(closing)
            if close >= 0 and opening not in after[:close]:
                return True
    return False


def _is_end(block: str, match: re.Match[str], code: str) -> bool:
    """Whether . ! ? or … with white space after it ends a sentence."""
    follows = _next_word.match(block, match.end())
    word = (follows.group(1) or "") if follows else ""
    if word[:1].islower():
        return False
    stop = match["stop"][: len(match["stop"]) - len(match["tail"])]
    if stop != "." or not word:
        return True
    return not _belongs(_word_before(block, match.start()), word, code)


def _word_before(text: str, end: int) -> str:
    found = _last_word.search(text, max(0, end - _LONGEST_WORD), end)
    return found.group() if found else ""


def _belongs(before: str, word: str, code: str) -> bool:
    """Whether a full stop after `before` is part of it, seen that `word` comes next."""
    lower = before.lower()
    if lower in ALWAYS or (before[:1].isupper() and before.capitalize() in TITLES):
        return True
    if len(before) == 1 and before.isalpha() and _lettered.fullmatch(word):
        return True
    if lower in BEFORE_NUMBERS:
        return word[0].isdigit()
    opens = word.lower().rstrip(".") in function_words(code or "en")
    if lower in SOMETIMES or _initials.fullmatch(before) or (len(before) == 1 and before.isupper()):
        return not opens
    if before.isdigit() and len(before) <= 2:
        return code in ORDINAL_STOPS and not opens
    return False


def _broken_lines(block: str, code: str) -> Iterator[int]:
    """Where lines were ended on purpose (addresses, «key: value» lines), not because they were full.

    A line that ends in «in» or «the» goes on, however short it is.
    """
    found = lines(block)
    if len(found) < 2:
        return
    width = max(_width(line) for line in found)
    leading_on = function_words(code or "en")
    for line, following in pairwise(found):
        words = following.content.lstrip(" \t>").split(maxsplit=1)
        if not words or words[0][0].islower() or _word_before(line.content, len(line.content)) in leading_on:
            continue
        hard = line.content.endswith(("  ", "\\"))
        if hard or _width(line) + len(words[0][:_LONGEST_WORD]) < _FULL_LINE * width:
            yield following.start


def _width(line: Line) -> int:
    return len(line.content.rstrip())
