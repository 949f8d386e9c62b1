"""The heading context: what stands around a chunk and helps to understand it, but is not part of its text.

Added here to what is embedded, searched and read, and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rag.datatypes import Chunk, Hit
from rag.text.markdown import blocks, lines, plain_title

ARROW = " › "
_HASHES = re.compile(r"\A {0,3}#{1,6}[ \t]+|[ \t]#+[ \t]*\Z")


def embedded_text(chunk: Chunk, text: str = "", called: str = "") -> str:
    """What is embedded, searched and read for a chunk: its heading context, where it has one, in front of its text.

    The context is the heading path, without the headings that the text itself begins with, and the header row of
    the table that the chunk continues. `text` stands for the chunk's own where neighbours were joined to it; what a
    question has `called` its document stands in front of the headings.
    """
    own = text or chunk.text
    context = (ARROW.join(filter(None, (called, *outer_titles(chunk.heading, own)))), chunk.table_header)
    return "\n".join(part for part in (*context, own) if part)


def read_text(hit: Hit) -> str:
    """What is read of a hit: as embedded, under what the question calls its document."""
    return embedded_text(hit.chunk, hit.text, hit.called)


def continued_header(hit: Hit) -> str:
    """The header row of the table in the middle of which a hit begins; "" where it begins in none.

    Where neighbours were joined the chunk's table may begin within the hit: the rows before it are of another.
    """
    before = hit.text[: hit.chunk.start - hit.start]
    return "" if any(block.kind == "table" for block in blocks(before)) else hit.chunk.table_header


@lru_cache(maxsize=4096)  # an ingest asks several times for each chunk: to count, to name, to embed, to index
def outer_titles(path: tuple[str, ...], text: str) -> tuple[str, ...]:
    """The part of a heading path that does not stand at the beginning of the text."""
    own = _own_titles(text, path) if path else []
    count = len(path)
    while count and path[count - 1] in own:
        count -= 1
    return path[:count]


def _own_titles(text: str, path: Sequence[str]) -> list[str]:
    """The titles of `path` that the text begins with, whatever marks them as headings there."""
    titles = []
    for line in lines(text):
        title = plain_title(_HASHES.sub("", line.content))
        if title in path:
            titles.append(title)
        elif any(char.isalnum() for char in title):
            break
    return titles
