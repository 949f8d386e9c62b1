"""The structure of a text by its markup: what a reader names and splitting asks for.

plain      no marks; headings by their looks        rag.text.plain
markdown                                            rag.text.markdown
rst org asciidoc latex                              a module each
code       definitions are headings                 rag.text.code
yaml ini   keys that hold others are headings       rag.text.keyed
json       keys of objects are headings             rag.text.json
lines      each line is a unit, none is a heading
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.datatypes import Markup
from rag.text import asciidoc, code, keyed, latex, markdown, org, plain
from rag.text.json import Json
from rag.text.markdown import Block, Line, lines
from rag.text.rst import Rst
from rag.text.scanning import run
from rag.text.windows import Parse


def parser(markup: Markup) -> Parse:
    """What finds the blocks of one text, window by window from its start."""
    return _PARSERS[markup]()


def line_blocks(text: str, start: int = 0, end: int | None = None, _opening: Sequence[Line] = ()) -> list[Block]:
    """The lines of `text[start:end]` that are not blank, as paragraphs."""
    rows = lines(text, start, end)
    return [run("paragraph", rows, at, at + 1) for at, row in enumerate(rows) if row.content.strip()]


_PARSERS: dict[Markup, Callable[[], Parse]] = {
    "plain": lambda: plain.blocks,
    "markdown": lambda: markdown.blocks,
    "rst": Rst,
    "org": lambda: org.blocks,
    "asciidoc": lambda: asciidoc.blocks,
    "latex": lambda: latex.blocks,
    "code": lambda: code.blocks,
    "yaml": lambda: keyed.yaml_blocks,
    "ini": lambda: keyed.ini_blocks,
    "json": Json,
    "lines": lambda: line_blocks,
}
