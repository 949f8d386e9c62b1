"""XLS → Markdown, through xlrd: what Excel wrote from version 2 to 2003."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import Any

import xlrd

from rag.corpus.readers.office.number_format import plain, shown
from rag.corpus.readers.office.package import DAMAGE, damaged
from rag.corpus.readers.office.sheet_blocks import SheetCell
from rag.corpus.readers.office.sheets import MOST_CELLS, Sheet, TooManyCells, cell_name, content
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.signature import OLE
from rag.datatypes import State


def parse_xls(data: bytes, _path: str) -> Content | Unread:
    """The sheets' cells as Markdown tables, hidden sheets included; their comments below."""
    if data.startswith(OLE) and "EncryptedPackage".encode("utf-16-le") in data:
        return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
    try:
        return _content(data)
    except (xlrd.XLRDError, xlrd.compdoc.CompDocError, struct.error, *DAMAGE) as error:
        if "encrypted" in str(error).lower():
            return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
        return damaged("XLS", error)


def _content(data: bytes) -> Content | Unread:
    book = xlrd.open_workbook(
        logfile=io.StringIO(), file_contents=data, formatting_info=True, on_demand=True, ragged_rows=True
    )
    return content(_sheets(book))


def _sheets(book: Any) -> Iterator[Sheet]:
    left = MOST_CELLS
    for number in range(book.nsheets):
        source = book.sheet_by_index(number)
        sheet = Sheet(source.name, source.visibility != 0)
        for row in range(source.nrows):
            left -= source.row_len(row)
            if left < 0:
                raise TooManyCells
            for column, cell in enumerate(source.row(row)):
                sheet.put(row, column, _shown(book, cell))
        sheet.merges = [(top, first, bottom - 1, last - 1) for top, bottom, first, last in source.merged_cells]
        notes = sorted(source.cell_note_map.items())
        sheet.remarks = [(cell_name(row, column), note.text) for (row, column), note in notes]
        book.unload_sheet(number)
        yield sheet


def _shown(book: Any, cell: Any) -> SheetCell:
    kind, value = cell.ctype, cell.value
    if kind == xlrd.XL_CELL_TEXT:
        return SheetCell(value)
    if kind in (xlrd.XL_CELL_NUMBER, xlrd.XL_CELL_DATE):
        code = _format(book, cell.xf_index)
        return SheetCell(shown(value, code, from_1904=book.datemode == 1) if code else plain(value), False)
    if kind == xlrd.XL_CELL_BOOLEAN:
        return SheetCell("TRUE" if value else "FALSE", False)
    return SheetCell(xlrd.error_text_from_code.get(value, "#N/A") if kind == xlrd.XL_CELL_ERROR else "", False)


def _format(book: Any, style: int | None) -> str:
    known = style is not None and style < len(book.xf_list)
    found = book.format_map.get(book.xf_list[style].format_key) if known else None
    return found.format_str if found else ""
