"""The extra that recognises pictures: whether it is here, and what is kept of files that would give more with it."""

from __future__ import annotations

from importlib.util import find_spec

from rag.corpus.readers.reader import Unread
from rag.datatypes import Document, State

EXTRA, MODULES = "ocr", ("rapidocr", "PIL")
WITHOUT = " without ocr"
"""What stands behind the stamp of the reader of a file that gave less than it would have given with the extra."""


def is_missing() -> bool:
    """Whether pictures cannot be recognised."""
    return any(find_spec(name) is None for name in MODULES)


def stamp_after(stamp: str, outcome: Document | Unread) -> str:
    """What a source keeps of its reader once that gave this outcome."""
    return stamp + WITHOUT if is_partial(outcome) and is_missing() else stamp


def is_same(kept: str, stamp: str) -> bool:
    """Whether a reader with this stamp gives nothing new of a file of which a source has kept another one, or it."""
    return kept == stamp or (kept == stamp + WITHOUT and is_missing())


def is_partial(outcome: Document | Unread) -> bool:
    """Whether pages were not read because they are pictures."""
    if isinstance(outcome, Unread):
        return outcome.state is State.NEEDS_OCR
    return any(page.state is State.NEEDS_OCR for page in outcome.pages)
