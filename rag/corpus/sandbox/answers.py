"""What a child says of a file: `Parsed` → frames, and frames → `Parsed` with every field checked.

    {"kind": "page", "number", "of"}                                                   before a page is read: 0, 1, ...
    {"kind": "document", "markup", "title", "pages", "metadata", "cleaned"} + text     or "unread": state, reason, fix
    {"kind": "member", "name", "problem"} + bytes                                      each file within it
    {"kind": "end", "memory", "notes"}                                                   after the last of them

A child has read a hostile file and may say anything. What is believed is bounded, of the right types, and consistent;
a document's id is worked out from the bytes that the parent has.
"""

from __future__ import annotations

import logging
import re
from typing import Any, get_args

from rag.corpus.cleaned import Cleaned, Cleaning
from rag.corpus.readers.reader import Member, Reader, Unread, document_id
from rag.corpus.sandbox.frames import MOST_BYTES, MOST_HEADER, Garbled
from rag.datatypes import Document, Markup, Page, State

_STATES = frozenset(State) - {State.INDEXED, State.UNCHANGED, State.DUPLICATE}
_KINDS = frozenset(Cleaning)
_PAGE_STATES = frozenset({State.EMPTY, State.NEEDS_OCR, State.FAILED, State.TOO_LARGE})
_MOST_REASON = 1000  # characters
_MOST_NAME = 100_000
_MOST_NUMBER = 2**31
_MOST_NOTES = 50
_LEVELS = (logging.INFO, logging.WARNING, logging.ERROR)
_NO_TEXT = re.compile("[\0\ud800-\udfff]")

Frame = tuple[dict[str, Any], bytes]


def document_frame(document: Document, cleaned: Cleaned) -> Frame:
    """What is sent of a document and of what was cleaned: all but its id.

    It is unread where there is too much of it to be handed on.
    """
    text = document.text.encode()
    header = {
        "kind": "document",
        "markup": document.markup,
        "title": document.title,
        "pages": [(page.number, page.start, page.end, page.label, page.state) for page in document.pages],
        "metadata": document.metadata,
        "cleaned": dict(cleaned),
    }
    places = sum(len(page.label) + 40 for page in document.pages) + sum(map(_weight, document.metadata))
    if len(text) > MOST_BYTES or places > MOST_HEADER / 8:
        return unread_frame(too_much(len(text)))
    return header, text


def unread_frame(unread: Unread) -> Frame:
    """What is sent of a file that gave no document."""
    return {"kind": "unread", "state": unread.state.value, "reason": unread.reason, "fix": unread.fix}, b""


def member_frame(member: Member) -> Frame:
    """What is sent of a file within the file."""
    header: dict[str, Any] = {"kind": "member", "name": member.name[:_MOST_NAME]}
    problem = too_much(len(member.data)) if len(member.data) > MOST_BYTES else member.problem
    return (header, member.data) if problem is None else ({**header, "problem": unread_frame(problem)[0]}, b"")


def defect(error: Exception) -> Unread:
    """The outcome of a file over which its reader raised."""
    said = _NO_TEXT.sub("\ufffd", " ".join(str(error).split())[:200])
    return Unread(State.FAILED, f"the parser failed: {type(error).__name__}: {said}")


def too_much(size: int) -> Unread:
    """The outcome of what would be more than a child hands on."""
    return Unread(State.TOO_LARGE, f"{size / 2**20:.0f} MiB of text or places", "split it into smaller files")


def page_of(frame: Frame) -> tuple[int, int] | None:
    """The page that a child is about to read (0: what belongs to none) and of how many; None for another frame.

    Raises Garbled.
    """
    header, blob = frame
    if header.get("kind") != "page":
        return None
    match header.get("number"), header.get("of"), blob:
        case int(number), int(count), b"" if 0 <= int(number) < _MOST_NUMBER and 0 <= int(count) < _MOST_NUMBER:
            return int(number), int(count)
    raise Garbled("no such page")


def outcome_of(frame: Frame, reader: Reader, data: bytes) -> Document | Unread:
    """The document or its state that a child's first frame on a file tells. Raises Garbled."""
    header, blob = frame
    if header.get("kind") == "unread" and not blob:
        return _unread(header)
    if header.get("kind") != "document":
        raise Garbled("neither a document nor a state")
    markup: Any = header.get("markup")
    title = _text(header.get("title"))
    if markup not in get_args(Markup) or "\n" in title:
        raise Garbled("no such markup, or a title of several lines")
    try:
        text = blob.decode()
    except UnicodeDecodeError as error:
        raise Garbled("the text is not UTF-8") from error
    if not text or text.isspace() or "\0" in text:
        raise Garbled("a document without text")
    pages = tuple(_page(each, len(text)) for each in _list(header.get("pages")))
    metadata = tuple(_pair(each) for each in _list(header.get("metadata")))
    return Document(document_id(data, reader, pages), text, markup, title, pages, metadata)


def cleaned_of(frame: Frame) -> Cleaned:
    """What a child's first frame on a file tells that was cleaned. Raises Garbled."""
    given = frame[0].get("cleaned", {})
    if not isinstance(given, dict) or not all(map(_is_count, given.items())):
        raise Garbled("what was cleaned is not kinds with numbers")
    return {Cleaning(kind): count for kind, count in given.items()}


def member_of(frame: Frame) -> Member:
    """A file within the file. Raises Garbled."""
    header, blob = frame
    if header.get("kind") != "member":
        raise Garbled("no file within the file")
    problem = header.get("problem")
    name = header.get("name")
    if not isinstance(name, str) or len(name) > _MOST_NAME:
        raise Garbled("a file without a name, or with too long a one")
    return Member(name, blob, None if problem is None else _unread(problem))


def notes_of(frame: Frame) -> list[tuple[int, str]]:
    """What readers said aloud: levels of `logging`, and lines; what is neither is passed over."""
    given = frame[0].get("notes")
    pairs = [each for each in given if isinstance(each, list) and len(each) == 2] if isinstance(given, list) else []
    return [(level, _line(said)) for level, said in pairs if level in _LEVELS and isinstance(said, str)][:_MOST_NOTES]


def _unread(header: Any) -> Unread:
    state = header.get("state") if isinstance(header, dict) else None
    if not isinstance(state, str) or state not in _STATES:
        raise Garbled("no such state")
    return Unread(State(state), _line(header.get("reason")), _line(header.get("fix")))


def _page(given: Any, length: int) -> Page:
    match given:
        case [int(number), int(start), int(end), str(), state] if end <= length and number < _MOST_NUMBER:
            try:
                return Page(int(number), int(start), int(end), _text(given[3]), _page_state(state))
            except ValueError as error:
                raise Garbled(str(error)) from error
    raise Garbled("a place that is not in the text")


def _page_state(given: Any) -> State | None:
    if given is None:
        return None
    if not isinstance(given, str) or given not in _PAGE_STATES:
        raise Garbled("no such state of a page")
    return State(given)


def _pair(given: Any) -> tuple[str, str]:
    match given:
        case [str(), str()]:
            return _text(given[0]), _text(given[1])
    raise Garbled("metadata that is not keys with values")


def _list(given: Any) -> list[Any]:
    if not isinstance(given, list):
        raise Garbled("no list")
    return given


def _is_count(given: tuple[Any, Any]) -> bool:
    kind, count = given
    return kind in _KINDS and type(count) is int and 0 < count < _MOST_NUMBER


def _text(given: Any) -> str:
    """The value, which has to be text that can be stored."""
    if not isinstance(given, str) or _NO_TEXT.search(given):
        raise Garbled("no text")
    return given


def _line(given: Any) -> str:
    """The value as text in one line."""
    if not isinstance(given, str):
        raise Garbled("no text")
    return _NO_TEXT.sub("\ufffd", " ".join(given[:_MOST_REASON].split()))


def _weight(pair: tuple[str, str]) -> int:
    return len(pair[0]) + len(pair[1]) + 10
