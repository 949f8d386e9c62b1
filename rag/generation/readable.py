"""A quote as a reader wants to see it: no Markdown marks or hard line breaks, nothing that acts. Citations keep all."""

from __future__ import annotations

import re

from rag.generation.inert import inert, inert_code
from rag.text import markdown

_LEADING = re.compile(r"\A[ \t]*(?:(?:>[ \t]?)+|#{1,6}[ \t]+)?(?:[-*+•●▪◦‣·][ \t]+(?:\[[ xX]\][ \t]+)?)?")
_ESCAPED = re.compile(r"(?m)^([ \t]*)\\(?=[#`~=*+>-])")  # a sign at the head of a line that is no mark
_QUOTE_MARKS = re.compile(r"(?<=\n)[ \t]*>[ \t]?")
# Only what opens before a word and closes after one: 5*3, snake_case and C** keep their signs.
_EMPHASIS = re.compile(r"(?<![\w*_/])(\*\*|__|\*|_|(?<!`)`+)(?=\S)([^*_`\n]+?)(?<=\S)\1(?![\w*_])")
_WIDE = r"\u3001-\u303f\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uff60"
_WIDE_BREAK = re.compile(rf"(?<=[{_WIDE}])[ \t]*[\r\n]+[ \t]*(?=[{_WIDE}])")
# Whether a hyphen at a line's end belongs to the word cannot be known: it stays.
_HYPHEN_BREAK = re.compile(r"(?<=[^\W\d_][-‐])[ \t]*[\r\n]+[ \t]*(?=[^\W\d_])")


def readable(quote: str, kind: str = "prose", header: str = "") -> str:
    """The quote on one line, without marks that only draw and markup that acts (`rag.generation.inert`).

    The cells of a table's row come with their columns' names where `header` (the header row) has as many.
    """
    if kind in ("row", "header"):
        return _row(quote, header)
    if kind == "code":
        return inert_code(quote)
    text = _QUOTE_MARKS.sub("", _LEADING.sub("", quote))
    return _inline(_ESCAPED.sub(r"\1", text))


def _inline(text: str) -> str:
    text = _EMPHASIS.sub(r"\2", inert(text))
    text = _HYPHEN_BREAK.sub("", _WIDE_BREAK.sub("", text))
    return inert(" ".join(text.split()))  # without its emphasis, <**img** src=x> is a tag


def cells(row: str) -> list[str]:
    """The cells of a Markdown table's row, readable."""
    return [_inline(cell.replace("\\|", "|")) for cell in markdown.cells(row)]


def _row(row: str, header: str) -> str:
    values = cells(row)
    names = cells(header.strip().splitlines()[0]) if header.strip() else []
    if len(names) != len(values):
        return inert(" · ".join(value for value in values if value))  # cells together may be a link's definition
    named = (f"{name}: {value}" if name else value for name, value in zip(names, values, strict=True) if value)
    return inert("; ".join(named))
