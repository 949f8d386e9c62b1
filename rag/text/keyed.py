"""The structure of settings and data that are written by key, as blocks with exact offsets: YAML, TOML, INI.

A key that holds others is a heading; so is a table or section in brackets. Texts over several lines are told apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from rag.text.markdown import Block, Line, lines
from rag.text.scanning import GOES_ON, Role, columns, sections

_LONGEST_KEY = 200
_KEY = re.compile(
    r"((?:-[ \t]+)*)(\"[^\"]{1,200}\"|'[^']{1,200}'|[^\s#:'\"{\[\-&*!|>%@`][^:#]{0,200}?)[ \t]*:(?:[ \t]+(.*)|\Z)"
)
_BLOCK_TEXT = re.compile(r"(?:![^\s]+[ \t]+)?[|>][-+0-9]{0,2}[ \t]*(?:#.*)?\Z")
_NOTHING = re.compile(r"(?:(?:[&!][^\s]*)[ \t]*)*(?:#.*)?\Z")
_SECTION = re.compile(r"\[{1,2}[ \t]*([^\[\]]{1,200}?)[ \t]*\]{1,2}[ \t]*(?:[#;].*)?\Z")
_TRIPLE = re.compile(r"'''|\"\"\"")


def yaml_blocks(text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
    """The blocks of YAML text `[start:end]` at their offsets in the text."""
    rows = lines(text, start, end)
    return sections(rows, _yaml_roles(rows))


def ini_blocks(text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
    """The blocks of INI or TOML text `[start:end]` at their offsets in the text."""
    rows = lines(text, start, end)
    return sections(rows, _ini_roles(rows))


def _yaml_roles(rows: Sequence[Line]) -> Iterator[Role]:
    text_in = -1  # the column of the key that holds a text over several lines
    for row in rows:
        content = row.content.strip()
        column = columns(row.content)
        if not content or (text_in >= 0 and column > text_in):
            yield GOES_ON
            continue
        text_in = -1
        if content.startswith(("#", "%")):
            yield Role("leads")
            continue
        key = _KEY.match(content[: 2 * _LONGEST_KEY])
        dashes = len(key[1]) if key else 0
        value = (key[3] or "") if key else content
        if _BLOCK_TEXT.match(value):
            text_in = column + dashes
        if content.startswith(("- ", "---", "...")) or content == "-":
            yield Role("item") if content[:3] not in ("---", "...") else Role("resumes", 1)
        elif key and _NOTHING.match(value):
            yield Role("opens", column + 1, key[2].strip("\"'"))
        elif key:
            yield Role("resumes", column + 1)
        else:
            yield GOES_ON


def _ini_roles(rows: Sequence[Line]) -> Iterator[Role]:
    quotes = ""  # what ends the text that goes over several lines
    for row in rows:
        if quotes:
            quotes = "" if quotes in row.content else quotes
            yield GOES_ON
            continue
        section = _SECTION.match(row.content[: 2 * _LONGEST_KEY])
        triple = _TRIPLE.search(row.content)
        if triple and row.content.count(triple[0]) % 2:
            quotes = triple[0]
        if section:
            yield Role("opens", 1, section[1].strip("\"'"))
        else:
            yield Role("leads") if row.content.lstrip()[:1] in ("#", ";") else GOES_ON
