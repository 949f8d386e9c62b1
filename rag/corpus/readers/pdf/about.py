"""What a PDF holds beside its pages' text, through pypdf: properties, outline, labels, forms, comments, attachments.

Each is read by itself: what is damaged is named and costs nothing else.
"""

from __future__ import annotations

import io
import logging
import re
import struct
import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pypdf import PdfReader
from pypdf.errors import DependencyError, PyPdfError
from pypdf.generic import Destination

from rag.corpus.readers.pdf.headings import folded
from rag.corpus.readers.pdf.words import clean
from rag.corpus.readers.reader import Member
from rag.datatypes import Metadata

# What pypdf raises on damaged files beside its own errors: they come out of its parsing, nothing of ours runs there.
DAMAGE = (
    PyPdfError,
    DependencyError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)
MOST_TITLES, MOST_NOTES, MOST_MEMBERS = 10_000, 10_000, 1_000
"""Entries of an outline, values and comments, and attachments that are read of one file."""
MOST_BYTES = 256 * 2**20
"""Bytes of all attachments together, inflated."""
LONGEST = 20_000
"""Characters of a value or a comment."""

_PROPERTIES = {"title": "/Title", "author": "/Author", "subject": "/Subject", "keywords": "/Keywords"}
_NO_TITLE = re.compile(r"untitled|\(?anonymous\)?|\(?unspecified\)?|microsoft |.*\.\w{2,5}$|\W*$", re.IGNORECASE)
_DATE = re.compile(r"D:(\d{4})(\d\d)?(\d\d)?")
_COMMENTS = {
    "/Text", "/FreeText", "/Highlight", "/Underline", "/Squiggly", "/StrikeOut", "/Caret", "/Stamp",
    "/Line", "/Square", "/Circle", "/Polygon", "/PolyLine", "/Ink", "/FileAttachment",
}  # fmt: skip
_HIDDEN = 0b10  # of an annotation's flags: never shown
_PASSWORD, _RADIO, _BUTTON = 1 << 13, 1 << 15, 1 << 16  # of a field's flags
_NOTHING: tuple[str, Metadata] = ("", ())
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Marked:
    """A comment and what it is about: the places on the page that are highlighted, as (left, bottom, right, top)."""

    author: str
    text: str
    places: tuple[tuple[float, float, float, float], ...] = ()


@dataclass(slots=True)
class About:
    """What a file says beside its pages' text; pages are counted from 1. `damaged` names what could not be read."""

    title: str = ""
    metadata: Metadata = ()
    outline: dict[int, dict[str, int]] = field(default_factory=dict)
    labels: list[str] = field(default_factory=list)
    values: dict[int, list[tuple[str, str]]] = field(default_factory=dict)
    comments: dict[int, list[Marked]] = field(default_factory=dict)
    attached: list[Callable[[], tuple[str, bytes]]] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def members(self) -> Iterator[Member]:
        """The attachments; one that cannot be read, or no longer within the limits, comes without bytes."""
        left = MOST_BYTES
        for load in self.attached:
            with quietly():
                try:
                    name, data = load()
                except DAMAGE:
                    name, data = "attachment", b""
            left -= len(data)
            yield Member(_file_name(name), data if left >= 0 else b"")


def plain_texts(data: bytes) -> list[str] | str:
    """The pages' texts as pypdf reads them, without layout: for a file in which pdfium finds none.

    In its place what is damaged, where pypdf finds no pages either.
    """
    with quietly():
        try:
            return [clean_lines(page.extract_text()) for page in PdfReader(io.BytesIO(data), strict=False).pages]
        except DAMAGE as error:
            return next(iter(str(error).splitlines()), "")[:200] or type(error).__name__


def clean_lines(text: str) -> str:
    """The text's lines, each cleaned and trimmed."""
    return "\n".join(clean(line).strip() for line in text.splitlines()).strip()


def about(data: bytes, annotated: Collection[int]) -> About:
    """What the file says; its text is read from elsewhere. `annotated` are the pages that may have notes or fields."""
    found = About()
    with quietly():
        try:
            reader = PdfReader(io.BytesIO(data), strict=False)
            if reader.is_encrypted:
                reader.decrypt("")
        except DAMAGE:
            found.damaged.append("everything but its text")
            return found
        found.title, found.metadata = _told(found, "its properties", lambda: _properties(reader), _NOTHING)
        found.outline = _told(found, "its outline", lambda: _outline(reader), {})
        found.labels = _told(found, "its page labels", lambda: _labels(reader), [])
        _told(found, "its forms and comments", lambda: _annotations(found, reader, annotated), None)
        found.attached.extend(_told(found, "its attachments", lambda: _attached(reader), []))
        del found.attached[MOST_MEMBERS:]
    return found


@contextmanager
def quietly() -> Iterator[None]:
    """pypdf logs what it finds odd in a file; what matters of that becomes the file's state."""
    logger = logging.getLogger("pypdf")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _told(found: About, what: str, read: Callable[[], _T], instead: _T) -> _T:
    """What `read` gives; `instead` where the file is damaged there, which is noted."""
    try:
        return read()
    except DAMAGE:
        found.damaged.append(what)
        return instead


def _properties(reader: PdfReader) -> tuple[str, Metadata]:
    """The title, unless a program put a file's name or nothing there; else the subject; and the properties."""
    told: Mapping[str, Any] = reader.metadata or {}
    pairs = [(key, _text(told.get(name))) for key, name in _PROPERTIES.items()]
    date = _DATE.match(_text(told.get("/CreationDate")))
    pairs.append(("created", "-".join(part for part in date.groups() if part) if date else ""))
    pairs.append(("language", _text(reader.root_object.get("/Lang"))))
    said = [(key, value[:LONGEST]) for key, value in pairs if value and not _NO_TITLE.match(value)]
    titles = (dict(said).get(key, "") for key in ("title", "subject"))
    return next((title for title in titles if any(map(str.isalpha, title))), ""), tuple(said)


def _text(value: Any) -> str:
    """A text object in one line; "" for anything else."""
    value = value.get_object() if hasattr(value, "get_object") else value
    if isinstance(value, bytes):
        value = value.decode("latin-1")
    return " ".join(clean(value.replace("\r", " ").replace("\n", " ")).split()) if isinstance(value, str) else ""


def _outline(reader: PdfReader) -> dict[int, dict[str, int]]:
    """By page: the folded titles that lead there, and how deep they lie."""
    found: dict[int, dict[str, int]] = defaultdict(dict)
    waiting: list[tuple[Any, int]] = [(reader.outline, 0)]
    count = 0
    while waiting and count < MOST_TITLES:
        entry, depth = waiting.pop()
        if isinstance(entry, list):
            waiting.extend((each, depth + 1) for each in reversed(entry))
        elif isinstance(entry, Destination):
            count += 1
            number = reader.get_destination_page_number(entry)
            title = folded(_text(entry.title))
            if number is not None and title:
                found[number + 1].setdefault(title, min(depth, 6))
    return dict(found)


def _labels(reader: PdfReader) -> list[str]:
    return [clean(label) for label in reader.page_labels] if "/PageLabels" in reader.root_object else []


def _annotations(found: About, reader: PdfReader, annotated: Collection[int]) -> None:
    """Put the values of the pages' fields and the comments on the pages into what was found."""
    count = 0
    for number, page in enumerate(reader.pages if annotated else (), start=1):
        listed = page.get("/Annots") if number in annotated else None
        for reference in (listed.get_object() or ()) if listed is not None else ():
            count += 1
            if count > MOST_NOTES:
                found.damaged.append(f"comments and values beyond the first {MOST_NOTES}")
                return
            try:
                _annotation(found, number, reference.get_object())
            except DAMAGE:
                found.damaged.append(f"an annotation on page {number}")


def _annotation(found: About, page: int, note: Mapping[str, Any]) -> None:
    if int(note.get("/F", 0)) & _HIDDEN:
        return
    kind = str(note.get("/Subtype"))
    if kind == "/Widget":
        name, value = _field(note)
        if value and (name, value) not in found.values.get(page, []):
            found.values.setdefault(page, []).append((name, value[:LONGEST]))
    elif kind in _COMMENTS:
        text = _text(note.get("/Contents"))[:LONGEST]
        if text:
            found.comments.setdefault(page, []).append(Marked(_text(note.get("/T")), text, _places(note)))
        if kind == "/FileAttachment":
            found.attached.append(_loader(note["/FS"].get_object()))


def _field(widget: Mapping[str, Any]) -> tuple[str, str]:
    """A form field's name and its value; no value where it has none or is for a password."""
    kind = str(_inherited(widget, "/FT") or "")
    flags = int(_inherited(widget, "/Ff") or 0)
    name = _text(_inherited(widget, "/TU")) or _text(_inherited(widget, "/T"))
    value = _inherited(widget, "/V")
    if kind == "/Btn":
        state = str(widget.get("/AS", value) or "")
        if flags & _BUTTON or state in ("", "/Off"):
            return name, ""
        return name, state.removeprefix("/") if flags & _RADIO else "yes"
    if kind not in ("/Tx", "/Ch") or (kind == "/Tx" and flags & _PASSWORD):
        return name, ""
    values = value if isinstance(value, list) else [value]
    return name, ", ".join(text for text in map(_text, values) if text)


def _inherited(widget: Mapping[str, Any], key: str) -> Any:
    """What the field or one that it is part of says under a key."""
    node: Any = widget
    for _ in range(16):
        if key in node:
            return node[key].get_object() if hasattr(node[key], "get_object") else node[key]
        parent = node.get("/Parent")
        if parent is None:
            return None
        node = parent.get_object()
    return None


def _places(note: Mapping[str, Any]) -> tuple[tuple[float, float, float, float], ...]:
    """The places that a highlight, an underline or the like covers."""
    points = [float(number) for number in note.get("/QuadPoints", [])][: 8 * 100]
    quads = (points[at : at + 8] for at in range(0, len(points) - 7, 8))
    return tuple((min(quad[::2]), min(quad[1::2]), max(quad[::2]), max(quad[1::2])) for quad in quads)


def _attached(reader: PdfReader) -> list[Callable[[], tuple[str, bytes]]]:
    """How to load each of the files embedded in the document as a whole."""

    def loader(entry: Any) -> Callable[[], tuple[str, bytes]]:
        return lambda: (str(entry.name), bytes(entry.content))

    return [loader(entry) for entry, _ in zip(reader.attachment_list, range(MOST_MEMBERS), strict=False)]


def _loader(described: Mapping[str, Any]) -> Callable[[], tuple[str, bytes]]:
    """How to load a file attached at a place on a page."""

    def load() -> tuple[str, bytes]:
        name = _text(described.get("/UF")) or _text(described.get("/F"))
        stream = described["/EF"].get_object()
        return name, bytes(stream.get("/UF", stream.get("/F")).get_object().get_data())

    return load


def _file_name(name: str) -> str:
    """The name of an attachment without the folders of the machine that it came from."""
    return re.split(r"[/\\]", clean(name))[-1].strip() or "attachment"
