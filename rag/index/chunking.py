"""How text is cut, as settings that an index is built with, and the ids that follow from them.

Apart from split.py, so that a search need not load what cuts text.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Chunking:
    """How text is cut: tokens of a chunk at most, and of the headings that are embedded in front of it.

    A chunk that continues a table may have as many again for the table's header row.
    """

    max_tokens: int = 320
    context_tokens: int = 64

    def __post_init__(self) -> None:
        if self.max_tokens < 1 or self.context_tokens < 0:
            raise ValueError(f"max_tokens={self.max_tokens} must be at least 1, context_tokens={self.context_tokens} 0")


def chunk_id(document: str, start: int, end: int, chunking: Chunking) -> str:
    """The id of the chunk that is text[start:end] of the document of that id."""
    settings = f"{chunking.max_tokens}/{chunking.context_tokens}"
    return hashlib.sha256(f"{document}:{start}:{end}:{settings}".encode()).hexdigest()[:32]
