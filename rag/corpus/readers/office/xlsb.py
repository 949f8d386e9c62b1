"""XLSB → Markdown, through calamine: a workbook whose parts are binary records in place of XML."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook, PasswordError, SheetVisibleEnum

from rag.corpus.readers.office.number_format import iso, plain
from rag.corpus.readers.office.ooxml import properties, title_of
from rag.corpus.readers.office.package import Package, PackageProblem, converted_package, damaged
from rag.corpus.readers.office.sheet_blocks import SheetCell
from rag.corpus.readers.office.sheets import Sheet, content
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import State

_MOST_AREA = 8_000_000
"""Cells between a sheet's first and last one: calamine takes memory for all of them."""
_ROW, _CELLS = 0, range(1, 12)


def parse_xlsb(data: bytes, _path: str) -> Content | Unread:
    """The sheets' cells as Markdown tables, hidden sheets included. How a number is formatted is not known."""
    return converted_package(data, "XLSB", lambda package: _content(package, data))


def _content(package: Package, data: bytes) -> Content | Unread:
    package.inflate_all()
    for name in package.names():
        if name.lower().startswith("xl/worksheets/") and name.lower().endswith(".bin"):
            _check_area(package.read(name))
    try:
        with CalamineWorkbook.from_filelike(io.BytesIO(data)) as book:
            metadata = properties(package)
            return content(_sheets(book), metadata, title_of(metadata))
    except PasswordError:
        return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
    except CalamineError as error:
        return damaged("XLSB", error)
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # how Rust's failures come out, which is no Exception
            raise
        return damaged("XLSB", ValueError("its records contradict each other"))


def _sheets(book: CalamineWorkbook) -> Iterator[Sheet]:
    for number, known in enumerate(book.sheets_metadata):
        sheet = Sheet(known.name, known.visible != SheetVisibleEnum.Visible)
        source = book.get_sheet_by_index(number)
        top, first = source.start or (0, 0)
        for row, cells in enumerate(source.to_python(skip_empty_area=True), top):
            for column, value in enumerate(cells, first):
                sheet.put(row, column, _shown(value))
        yield sheet


def _shown(value: Any) -> SheetCell:
    if isinstance(value, str):
        return SheetCell(value)
    if isinstance(value, bool):
        return SheetCell("TRUE" if value else "FALSE", False)
    if isinstance(value, datetime):
        return SheetCell(iso(value), False)
    if isinstance(value, date | time | timedelta):
        return SheetCell(str(value), False)
    return SheetCell(plain(value), False)


def _check_area(records: bytes) -> None:
    """Refuse a sheet whose cells lie so far apart that the space between them fills the memory."""
    row, rows, columns = 0, (2**32, 0), (2**32, 0)
    for kind, at in _records(records):
        value = int.from_bytes(records[at : at + 4], "little")
        if kind == _ROW:
            row = value
        elif kind in _CELLS:
            rows = min(rows[0], row), max(rows[1], row + 1)
            columns = min(columns[0], value), max(columns[1], value + 1)
    if (rows[1] - rows[0]) * (columns[1] - columns[0]) > _MOST_AREA and rows[1] and columns[1]:
        reason = f"has a sheet of {rows[1] - rows[0]} rows and {columns[1] - columns[0]} columns"
        raise PackageProblem(Unread(State.TOO_LARGE, reason, "save it as .xlsx"))


def _records(data: bytes) -> Iterator[tuple[int, int]]:
    """The kind of each record, and where what it holds begins."""
    at = 0
    while at < len(data):
        kind, at = _varying(data, at, 2)
        size, at = _varying(data, at, 4)
        yield kind, at
        at += size


def _varying(data: bytes, at: int, most: int) -> tuple[int, int]:
    """A number whose bytes have seven bits each, and where it ends."""
    value = 0
    for index in range(most):
        byte = data[at] if at < len(data) else 0
        at += 1
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            break
    return value, at
