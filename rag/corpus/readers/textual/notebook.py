"""Jupyter notebooks → Markdown: text cells as they are, code and what it printed in fences. Pictures are left out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.plain import text_of
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.textual.placed import Placed
from rag.datatypes import State
from rag.text.markdown import blocks

LONGEST_OUTPUT = 4000
"""Characters of what one cell printed, of which the first are kept."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_DRAWN = re.compile(r"<(?:Figure|matplotlib|IPython|AxesSubplot|module|function)\b[^\n]*>\s*\Z")


def parse_notebook(data: bytes, _path: str) -> Content | Unread:
    """The cells in order, each a place ("cell 3"); attachments, pictures and other drawn output are left out."""
    text = text_of(data)
    if isinstance(text, Unread):
        return text
    if not text.strip():
        return Content("")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        return Unread(State.FAILED, f"not a notebook: {' '.join(str(error).split())}")
    cells = _cells(found)
    if cells is None:
        return Unread(State.FAILED, "not a notebook: it has no list of cells")
    placed = Placed()
    for number, cell in enumerate(cells, start=1):
        if isinstance(cell, dict):
            placed.add(_cell(cell), f"cell {number}")
    metadata = found.get("metadata")
    said = metadata if isinstance(metadata, dict) else {}
    title = said.get("title")
    return Content(
        placed.text(), "markdown", title if isinstance(title, str) else "", placed.pages(), tuple(_metadata(said))
    )


def _cells(found: Any) -> list[Any] | None:
    """The cells of a notebook of any format since 3."""
    if not isinstance(found, dict):
        return None
    sheets = found.get("worksheets")
    holders = sheets if isinstance(sheets, list) else [found]
    lists = [holder.get("cells") for holder in holders if isinstance(holder, dict)]
    cells = [each for each in lists if isinstance(each, list)]
    return [cell for each in cells for cell in each] if cells else None


def _cell(cell: dict[str, Any]) -> str:
    source = _joined(cell.get("source", cell.get("input")))
    kind = cell.get("cell_type")
    if kind == "markdown":
        return _closed(source)
    composer = Composer()
    if kind == "heading":
        level = cell.get("level")
        composer.heading(level if isinstance(level, int) else 1, source)
        return composer.text()
    if source.strip():
        composer.code(source)
    outputs = cell.get("outputs")
    printed = "\n".join(filter(None, map(_output, outputs if isinstance(outputs, list) else ())))
    if printed.strip():
        composer.code(printed[:LONGEST_OUTPUT].rstrip())
    return composer.text()


def _closed(text: str) -> str:
    """Markdown that does not go on in the next cell: a fence or comment that is open at its end is closed."""
    found = blocks(text)
    opening = found[-1].opening if found and found[-1].kind in ("code", "html") else ()
    if not opening:
        return text
    mark = opening[0].content.strip()
    ending = mark if mark[0] in "`~" else "-->" if mark == "<!--" else f"</{mark[1:]}>"
    return f"{text.rstrip()}\n{ending}"


def _output(output: Any) -> str:
    """What one output says in plain text; "" for what is drawn."""
    if not isinstance(output, dict):
        return ""
    held = output.get("data", output)
    if output.get("output_type") in ("error", "pyerr"):
        text = f"{_joined(output.get('ename'))}: {_joined(output.get('evalue'))}"
    elif isinstance(held, dict):
        text = _joined(held.get("text/plain", held.get("text")))
    else:
        text = ""
    text = _COLOURS.sub("", text).rstrip()
    return "" if _DRAWN.match(text.strip()) else text


def _joined(value: Any) -> str:
    """A text, or a list of its lines."""
    if isinstance(value, list):
        return "".join(each for each in value if isinstance(each, str))
    return value if isinstance(value, str) else ""


def _metadata(said: dict[str, Any]) -> Iterator[tuple[str, str]]:
    authors = said.get("authors")
    for author in authors if isinstance(authors, list) else ():
        name = author.get("name") if isinstance(author, dict) else author
        if isinstance(name, str) and name.strip():
            yield "author", " ".join(name.split())
