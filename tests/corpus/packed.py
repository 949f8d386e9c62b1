"""Small packages made by hand, and what a reader makes of them."""

import io
import zipfile
from collections.abc import Mapping

from rag.corpus.readers import READERS, Unread
from rag.datatypes import Document, State


def packed(parts: Mapping[str, str | bytes]) -> bytes:
    """A ZIP archive of these parts."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return stream.getvalue()


def read(data: bytes, suffix: str) -> Document:
    outcome = READERS[suffix].read(data, f"Übersicht 表{suffix}")
    assert isinstance(outcome, Document), outcome
    for page in outcome.pages:
        assert 0 <= page.start <= page.end <= len(outcome.text)
    assert [page.start for page in outcome.pages] == sorted(page.start for page in outcome.pages)
    return outcome


def unread(data: bytes, suffix: str) -> Unread:
    outcome = READERS[suffix].read(data, f"a{suffix}")
    assert isinstance(outcome, Unread), outcome
    return outcome


def state(data: bytes, suffix: str) -> State:
    return unread(data, suffix).state


def place(document: Document, quote: str) -> str:
    """The label of the place where a quote begins."""
    start = document.text.index(quote)
    return next((page.label for page in document.pages if page.start <= start < page.end), "")
