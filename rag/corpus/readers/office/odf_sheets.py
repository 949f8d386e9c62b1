"""Sheets of OpenDocument → Markdown: cells as the program that saved them showed them, dates as ISO dates."""

from __future__ import annotations

from collections.abc import Iterator

from rag.corpus.readers.office import number_format
from rag.corpus.readers.office.odf_text import table_rows
from rag.corpus.readers.office.odf_xml import DRAW, OFFICE, STYLE, TABLE, Parts, number, plain
from rag.corpus.readers.office.ooxml import title_of
from rag.corpus.readers.office.package import Element
from rag.corpus.readers.office.sheet_blocks import SheetCell
from rag.corpus.readers.office.sheets import MOST_CELLS, Sheet, TooManyCells, cell_name, content
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Metadata


def sheets_content(body: Element, parts: Parts, metadata: Metadata) -> Content | Unread:
    """The sheets' cells as tables, hidden sheets included; comments and text boxes below."""
    return content(_sheets(body, parts), metadata, title_of(metadata))


def _sheets(body: Element, parts: Parts) -> Iterator[Sheet]:
    left = MOST_CELLS
    for table in body.iterchildren(f"{TABLE}table"):
        sheet = Sheet(table.get(f"{TABLE}name", ""), _is_hidden(table, parts))
        row = 0
        for element in table_rows(table):
            repeated = number(element.get(f"{TABLE}number-rows-repeated"), 1)
            cells = list(_cells(element, row, sheet, parts))
            left -= len(cells) * repeated
            if left < 0:
                raise TooManyCells
            for index in range(row, row + repeated) if cells else ():
                for column, cell in cells:
                    sheet.put(index, column, cell)
            row += repeated
        for box in table.iterfind(f"{TABLE}shapes/{DRAW}*"):
            sheet.remarks.append(("", plain(box, parts)))
        sheet.remarks = [(name, said) for name, said in sheet.remarks if said]
        yield sheet


def _cells(row: Element, index: int, sheet: Sheet, parts: Parts) -> Iterator[tuple[int, SheetCell]]:
    """The cells of a row that show something; where they are merged and what is said of them goes into the sheet."""
    column = 0
    for cell in row.iterchildren(f"{TABLE}table-cell", f"{TABLE}covered-table-cell"):
        repeated = number(cell.get(f"{TABLE}number-columns-repeated"), 1)
        shown = _shown(cell, parts)
        if shown.text and cell.tag == f"{TABLE}table-cell":
            if repeated > MOST_CELLS:
                raise TooManyCells
            for at in range(column, column + repeated):
                yield at, shown
            down = number(cell.get(f"{TABLE}number-rows-spanned"), 1)
            across = number(cell.get(f"{TABLE}number-columns-spanned"), 1)
            if down > 1 or across > 1:
                sheet.merges.append((index, column, index + down - 1, column + across - 1))
        for each in cell.iterchildren(f"{OFFICE}annotation"):
            sheet.remarks.append((cell_name(index, column), plain(each, parts)))
        column += repeated


def _shown(cell: Element, parts: Parts) -> SheetCell:
    kind = cell.get(f"{OFFICE}value-type", "")
    if kind == "date":
        return SheetCell(cell.get(f"{OFFICE}date-value", "").removesuffix("T00:00:00").replace("T", " "), False)
    text = plain(cell, parts)
    if kind in ("", "string"):
        return SheetCell(text or cell.get(f"{OFFICE}string-value", ""), not (kind == "" and text.startswith("#")))
    if not text:
        value = cell.get(f"{OFFICE}value", "") or cell.get(f"{OFFICE}boolean-value", "")
        try:
            text = number_format.plain(float(value))
        except ValueError:
            text = value.upper()
    return SheetCell(text, False)


def _is_hidden(table: Element, parts: Parts) -> bool:
    style = parts.styles.get(table.get(f"{TABLE}style-name", ""))
    properties = style.find(f"{STYLE}table-properties") if style is not None else None
    return properties is not None and properties.get(f"{TABLE}display") == "false"
