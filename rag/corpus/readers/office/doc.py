"""Word 97 to 2003 (.doc) → Markdown: the main text, its headings, tables and notes, from the piece table.

A document's characters lie in pieces, of one byte or two a character, in an order that the piece table knows; a
paragraph's style and whether it stands in a table are in formatted pages of 512 bytes. Names are those of the
specification, [MS-DOC]; sections stand beside them.
"""

from __future__ import annotations

import io
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from struct import error as damage
from struct import unpack_from
from typing import Any

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers.compose import Composer
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import State

_FIB = 0xA5EC  # wIdent
_WORD_97 = 0xC1  # nFib of the first version whose files are laid out so
_ENCRYPTED, _OTHER_TABLE = 0x0100, 0x0200
_PAGE = 512
_PARTS = ("", "Footnotes", "Headers", "Comments", "Endnotes", "Text boxes")  # in their order in the text
_IN_TABLE, _ROW_END, _OUTLINE, _LIST = 0x2416, 0x2417, 0x2640, 0x460B  # sprmPFInTable, PFTtp, POutLvl, PIlfo
_DELETED = 0x0800  # sprmCFRMarkDel
_LONG_OPERAND = 0xD608  # sprmTDefTable: two bytes count what follows
_FIELD = re.compile("([\x13-\x15])")
_MARKS = str.maketrans({"\x0b": "\n", "\x1e": "\u2011", "\x1f": "", "\x0c": "\n", "\x0e": "\n"})
_UNSEEN = re.compile(r"[\x00-\x08\x0f-\x12\x15-\x1d]")
_ENDS = re.compile("[\r\x07\x0c]")


class _Damaged(Exception):
    """The file contradicts itself."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Characters `start:end` of the text lie at byte `offset` of the stream, `width` bytes each."""

    start: int
    end: int
    offset: int
    width: int


@dataclass(frozen=True, slots=True)
class _Paragraph:
    """A paragraph without its end mark, with what its properties say."""

    text: str
    mark: str
    level: int
    listed: bool
    in_table: bool
    row_end: bool


def parse_doc(data: bytes, _path: str) -> Content | Unread:
    """The text of a Word 97 to 2003 file as Markdown, with its title and author.

    Notes, comments and text boxes stand at its end. Left out: headers and footers, pictures, what was deleted
    with its change tracked, the instructions of fields, and the numbers of numbered paragraphs, which are not stored.
    """
    import olefile

    if not data.startswith(olefile.MAGIC):
        return Unread(State.FAILED, "not a Word file", "open it in a word processor and save it as .docx")
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as compound:
            return _read(compound)
    except (_Damaged, damage, OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        reason = next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
        return Unread(State.FAILED, f"damaged Word file: {reason}", "open it in a word processor and save it as .docx")


def _read(compound: Any) -> Content | Unread:
    if not compound.exists("WordDocument"):
        return Unread(State.UNSUPPORTED, "a compound file without a Word document")
    main = compound.openstream("WordDocument").read()
    magic, version = unpack_from("<HH", main)
    (flags,) = unpack_from("<H", main, 0x0A)
    if flags & _ENCRYPTED:
        return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
    if magic != _FIB or version < _WORD_97:
        return Unread(State.UNSUPPORTED, "a Word file from before Word 97", "save it as .docx")
    table = compound.openstream("1Table" if flags & _OTHER_TABLE else "0Table").read()
    said = compound.get_metadata()
    text = _Text(main, table)
    metadata = tuple(
        (key, value) for key, value in (("author", _said(said.author)), ("title", _said(said.title))) if value
    )
    written = _markdown(text)
    cleaned = added({Cleaning.DELETED: text.deleted})
    return Content(written, "markdown", _said(said.title), metadata=metadata, cleaned=cleaned)


def _said(value: object) -> str:
    """A property as text; it is bytes in a code page that olefile has not decoded."""
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8").strip("\0 ")
        except UnicodeDecodeError:
            return value.decode("cp1252", "replace").strip("\0 ")
    return value.strip("\0 ") if isinstance(value, str) else ""


# ---------------------------------------------------------------- characters


class _Text:
    """The characters of a file in their order, and what its pages say of each.

    `deleted` counts the runs of characters that were passed over as deleted.
    """

    def __init__(self, main: bytes, table: bytes) -> None:
        self.deleted = 0
        self._main, self._table = main, table
        # FibRgLw97, 2.5.4: characters of the main text, footnotes, headers, macros, comments, endnotes, text boxes.
        text, footnotes, headers, _, comments, endnotes, boxes = unpack_from("<7i", main, 0x4C)
        counts: list[int] = [text, footnotes, headers, comments, endnotes, boxes]
        self.parts = list(zip(_PARTS, counts, strict=True))
        if min(count for _, count in self.parts) < 0:
            raise _Damaged("a text of fewer than no characters")
        self._pieces = list(self._pieces_of(*self._place(0x01A2)))
        self._starts = [piece.start for piece in self._pieces]
        self._styles = _Properties(main, self._numbers(*self._place(0x0102)), wide=13)
        self._looks = _Properties(main, self._numbers(*self._place(0x00FA)), wide=1)

    def paragraphs(self, start: int, end: int) -> Iterator[_Paragraph]:
        """The paragraphs between two characters."""
        whole, at = self._characters(start, end), 0
        for mark in _ENDS.finditer(whole):
            properties = self._styles.at(self._byte(start + mark.start()))
            yield _paragraph(whole[at : mark.start()], mark[0], properties)
            at = mark.end()
        if whole[at:]:
            yield _paragraph(whole[at:], "\r", b"")

    def _characters(self, start: int, end: int) -> str:
        """The characters between two positions, those that are marked as deleted as U+0000."""
        parts = []
        for piece in self._pieces[max(0, bisect_right(self._starts, start) - 1) :]:
            first, last = max(start, piece.start), min(end, piece.end)
            if piece.start >= end:
                break
            if first < last:
                parts.append(self._shown(piece, first, last))
        return "".join(parts)

    def _shown(self, piece: _Piece, first: int, last: int) -> str:
        at = piece.offset + (first - piece.start) * piece.width
        data = self._main[at : at + (last - first) * piece.width]
        # 2.9.73: the bytes of a compressed piece are those of Windows-1252.
        text = data.decode("cp1252", "replace") if piece.width == 1 else data.decode("utf-16-le", "replace")
        parts, kept = [], 0
        for begin, after in self._looks.deleted(at, at + len(data)):
            self.deleted += 1
            low, high = max(kept, (begin - at) // piece.width), (after - at) // piece.width
            parts += [text[kept:low], "\0" * max(0, high - low)]
            kept = max(kept, high)
        return "".join([*parts, text[kept:]])

    def _byte(self, position: int) -> int:
        piece = self._pieces[max(0, bisect_right(self._starts, position) - 1)]
        return piece.offset + (position - piece.start) * piece.width

    def _place(self, field: int) -> tuple[int, int]:
        """Where a structure lies in the table stream, and its bytes (FibRgFcLcb97, 2.5.6)."""
        offset, size = unpack_from("<II", self._main, field)
        if offset + size > len(self._table):
            raise _Damaged("a structure lies outside of its stream")
        return offset, size

    def _pieces_of(self, offset: int, size: int) -> Iterator[_Piece]:
        """The piece table (Clx, 2.9.38): what stands before it are properties that pieces share."""
        at, stop = offset, offset + size
        while at < stop and self._table[at] == 1:
            at += 3 + unpack_from("<H", self._table, at + 1)[0]
        if at >= stop or self._table[at] != 2:
            raise _Damaged("there is no piece table")
        (length,) = unpack_from("<I", self._table, at + 1)
        count = (min(length, stop - at - 5) - 4) // 12
        places = unpack_from(f"<{count + 1}I", self._table, at + 5)
        first, left = at + 5 + 4 * (count + 1), len(self._main)
        for number in range(count):
            (packed,) = unpack_from("<I", self._table, first + 8 * number + 2)
            if places[number] >= places[number + 1]:
                raise _Damaged("its pieces do not follow each other")
            bytewise = packed & 0x40000000
            place = (packed & 0x3FFFFFFF) // 2 if bytewise else packed & 0x3FFFFFFF
            piece = _Piece(places[number], places[number + 1], place, 1 if bytewise else 2)
            length = (piece.end - piece.start) * piece.width
            left -= length
            if left < 0 or place + length > len(self._main):
                raise _Damaged("its pieces overlap, or lie outside of the file")
            yield piece

    def _numbers(self, offset: int, size: int) -> list[tuple[int, int]]:
        """First byte and page of each formatted page (PlcBtePapx and PlcBteChpx, 2.8.5 and 2.8.6)."""
        count = (size - 4) // 8
        if count < 1:
            return []
        starts = unpack_from(f"<{count}I", self._table, offset)
        pages = unpack_from(f"<{count}I", self._table, offset + 4 * (count + 1))
        return sorted({start: page & 0x3FFFFF for start, page in zip(starts, pages, strict=True)}.items())


class _Properties:
    """What the formatted pages say of runs of bytes: paragraphs (PapxFkp, `wide` 13) or characters (ChpxFkp, 1)."""

    def __init__(self, main: bytes, pages: Sequence[tuple[int, int]], *, wide: int) -> None:
        self._main, self._pages, self._wide = main, pages, wide
        self._first = [start for start, _ in pages]

    def at(self, byte: int) -> bytes:
        """The properties of the run that holds a byte; b"" where nothing is said."""
        number = bisect_right(self._first, byte) - 1
        if number < 0:
            return b""
        runs = self._runs(self._pages[number][1])
        return next((told for begin, after, told in runs if begin <= byte < after), b"")

    def deleted(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The runs between two bytes that are marked as deleted."""
        for number in range(max(0, bisect_right(self._first, start) - 1), len(self._pages)):
            if self._first[number] >= end:
                return
            for begin, after, told in self._runs(self._pages[number][1]):
                if begin < end and after > start and _single(told, _DELETED):
                    yield max(start, begin), min(end, after)

    @lru_cache(maxsize=64)  # noqa: B019 (lives as long as one file is read)
    def _runs(self, page: int) -> list[tuple[int, int, bytes]]:
        """First byte, byte behind, and properties of each run of a page (2.9.32 and 2.9.174)."""
        whole = self._main[page * _PAGE : (page + 1) * _PAGE]
        if len(whole) < _PAGE:
            raise _Damaged("a formatted page lies outside of the file")
        count = whole[-1]
        places = unpack_from(f"<{count + 1}I", whole)
        offsets = whole[4 * (count + 1) : 4 * (count + 1) + self._wide * count : self._wide]
        told = [self._told(whole, 2 * offset) if offset else b"" for offset in offsets]
        return list(zip(places, places[1:], told, strict=False))

    def _told(self, whole: bytes, at: int) -> bytes:
        if self._wide == 1:  # Chpx: a count of bytes, and so many
            return whole[at + 1 : at + 1 + whole[at]]
        if whole[at]:  # PapxInFkp: a count of words, less half a word
            return whole[at + 1 : at + 2 * whole[at]]
        return whole[at + 2 : at + 2 + 2 * whole[at + 1]]


def _paragraph(text: str, mark: str, properties: bytes) -> _Paragraph:
    style = unpack_from("<H", properties)[0] if len(properties) >= 2 else 0
    own = properties[2:]
    outline = _operand(own, _OUTLINE)
    # 2.4.6.5 and 2.9.271: the styles 1 to 9 are "heading 1" to "heading 9" in every file.
    level = style if 1 <= style <= 9 else outline[0] + 1 if outline and outline[0] < 9 else 0
    return _Paragraph(text, mark, level, _single(own, _LIST), _single(own, _IN_TABLE), _single(own, _ROW_END))


# Bytes of an operand by the three highest bits of its sprm (2.2.5.1); None: the first byte says it.
_OPERANDS = (1, 1, 2, 4, 2, 2, None, 3)


def _operand(properties: bytes, wanted: int) -> bytes:
    """The operand of the last property of that kind (sprm, 2.2.5); b"" where there is none."""
    at, found = 0, b""
    while at + 2 <= len(properties):
        (kind,) = unpack_from("<H", properties, at)
        at += 2
        size = _OPERANDS[kind >> 13]
        if size is None:
            size = 1 + (properties[at] if at < len(properties) else 0)
            if kind == _LONG_OPERAND:
                size = 1 + unpack_from("<H", properties, at)[0] if at + 2 <= len(properties) else 2
        if kind == wanted:
            found = properties[at : at + size]
        at += size
    return found


def _single(properties: bytes, wanted: int) -> bool:
    return _operand(properties, wanted)[:1] not in (b"", b"\0")


# ---------------------------------------------------------------- paragraphs to Markdown


def _markdown(text: _Text) -> str:
    composer = Composer()
    at = 0
    for title, count in text.parts:
        if title != "Headers" and count > 0:
            paragraphs = list(_shown(text.paragraphs(at, at + count)))
            if title and any(paragraph.text.strip() for paragraph in paragraphs):
                composer.heading(2, title)
            _compose(composer, paragraphs)
        at += count
    return composer.text()


def _shown(paragraphs: Iterable[_Paragraph]) -> Iterator[_Paragraph]:
    """The paragraphs as they are read: of a field its result, of deleted characters nothing."""
    inside: list[bool] = []  # of each field that is open, whether its result has begun
    for paragraph in paragraphs:
        parts = []
        for part in _FIELD.split(paragraph.text):
            if part == "\x13":
                inside.append(False)
            elif part == "\x14" and inside:
                inside[-1] = True
            elif part == "\x15" and inside:
                inside.pop()
            elif all(inside):
                parts.append(part)
        text = _UNSEEN.sub("", "".join(parts).translate(_MARKS))
        yield replace(paragraph, text=text)


def _compose(composer: Composer, paragraphs: Iterable[_Paragraph]) -> None:
    rows: list[list[str]] = []
    row: list[str] = []
    cell: list[str] = []
    for paragraph in paragraphs:
        if paragraph.row_end:
            rows.append(row)
            row, cell = [], []
        elif paragraph.in_table:
            cell.append(paragraph.text)
            if paragraph.mark == "\x07":
                row.append(" ".join(cell))
                cell = []
        else:
            composer.table([*rows, *([[*row, " ".join(cell)]] if row or cell else [])])
            rows, row, cell = [], [], []
            _paragraph_into(composer, paragraph)
    composer.table([*rows, *([[*row, " ".join(cell)]] if row or cell else [])])


def _paragraph_into(composer: Composer, paragraph: _Paragraph) -> None:
    if paragraph.level:
        composer.heading(paragraph.level, paragraph.text)
    elif paragraph.listed and paragraph.text.strip():
        composer.item("-", paragraph.text)
    else:
        composer.paragraph(paragraph.text)
