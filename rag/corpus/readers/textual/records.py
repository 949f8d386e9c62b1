"""JSON and JSON lines. Their text is kept as it stands, but for `\\u` escapes of letters, which nobody could read.

Lines that are documents, with a title and a text, are read as such: the text as it was meant, not as it was escaped.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import Any

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.plain import text_of
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.textual.placed import Placed, pages
from rag.corpus.readers.textual.source import left_out
from rag.text.markdown import lines

TEXTS = (
    "text",
    "content",
    "body",
    "passage",
    "page_content",
    "document",
    "article",
    "abstract",
    "description",
    "answer",
)
"""Fields that hold what a document says, the likeliest first."""
TITLES = ("title", "headline", "heading", "name", "question", "subject")
SAMPLED = 50
"""Lines that tell whether lines are documents."""
LONGEST_ROW = 20
"""Numbers in a field; more are a vector, which is left out."""
LONGEST_TITLE = 300

_FILLED = re.compile(r"[^\r\n]*[^\s][^\r\n]*")
_ESCAPED = re.compile(r"\\\\|((?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[0-9a-fA-F]{4})")


def parse_json(data: bytes, path: str) -> Content | Unread:
    """The text of a JSON file."""
    rule = left_out(path)
    if rule:
        return rule
    text = text_of(data)
    return text if isinstance(text, Unread) else Content(readable(text), "json")


def parse_json_lines(data: bytes, _path: str) -> Content | Unread:
    """The lines as they stand, or as documents where they are such; "line 12" is the place of the twelfth."""
    text = text_of(data)
    if isinstance(text, Unread):
        return text
    field = _field_of_text(text)
    if field:
        return _documents(text, field)
    text = readable(text)
    places = [
        (f"line {number}", row.start, row.end) for number, row in enumerate(lines(text), 1) if row.content.strip()
    ]
    return Content(text, "lines", pages=pages(places))


def readable(text: str) -> str:
    r"""JSON text with its `\u` escapes of letters and signs resolved; those that JSON needs stay, and all others."""
    return _ESCAPED.sub(_resolved, text) if "\\u" in text else text


def _resolved(match: re.Match[str]) -> str:
    if not match[1]:
        return match[0]
    codes = [int(code, 16) for code in match[1].split("\\u")[1:]]
    if len(codes) == 2:
        return chr(0x10000 + ((codes[0] - 0xD800) << 10) + (codes[1] - 0xDC00))
    char = chr(codes[0])
    return char if codes[0] > 0xA0 and char.isprintable() and not 0xD800 <= codes[0] < 0xE000 else match[0]


def _field_of_text(text: str) -> str:
    """The field that holds the text in the first lines, of ten in nine at least; "" where they are no documents."""
    rows = (match[0] for match in _FILLED.finditer(text))
    objects = [_object(line) for line in islice(rows, SAMPLED)]
    holding = {name: sum(isinstance(each.get(name), str) for each in objects) for name in TEXTS}
    return next((name for name, count in holding.items() if count and count * 10 >= len(objects) * 9), "")


def _object(line: str) -> dict[str, Any]:
    """The object that a line is; an empty one where it is none, or nested too deeply."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _documents(text: str, field: str) -> Content:
    placed = Placed()
    for number, row in enumerate(lines(text), 1):
        if row.content.strip():
            entry = _object(row.content)
            title = next((name for name in TITLES if name != field and isinstance(entry.get(name), str)), "")
            heading = entry[title].strip() if title else ""
            placed.add(
                _document(entry, field, title, heading or f"line {number}") or _as_it_is(row.content), f"line {number}"
            )
    return Content(placed.text(), "markdown", pages=placed.pages())


def _document(entry: dict[str, Any], field: str, title: str, heading: str) -> str:
    """One line's document: its title as a heading, its other fields, its text; "" for a line that is none."""
    if not isinstance(entry.get(field), str):
        return ""
    composer = Composer()
    composer.heading(1, heading[:LONGEST_TITLE])
    for name, value in entry.items():
        if name not in (field, title) and value not in (None, "", [], {}) and not _is_vector(value):
            said = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            composer.item("-", f"{name}: {said}")
    composer.paragraph(entry[field])
    return composer.text()


def _as_it_is(line: str) -> str:
    composer = Composer()
    composer.paragraph(readable(line))
    return composer.text()


def _is_vector(value: Any) -> bool:
    """Whether a field is a row of numbers that nobody reads."""
    return (
        isinstance(value, list) and len(value) > LONGEST_ROW and all(isinstance(each, (int, float)) for each in value)
    )
