"""Small workbooks in the two binary formats of Excel that no Python package writes: XLS (BIFF8) and XLSB (BIFF12)."""

from __future__ import annotations

from struct import pack

from tests.corpus.packed import packed

Value = str | float | bool | None

_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELATIONS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PERCENT, DATE, ERROR_REF = 1, 2, 0x17


def xls(sheets: dict[str, dict[tuple[int, int], tuple[Value, int]]], *, hidden: tuple[str, ...] = ()) -> bytes:
    """A stream of records, as Excel reads it without its container; a cell is its value and its style.

    Style 0 is none, `PERCENT` and `DATE` are the two others; a value of None is the error #REF!.
    """
    bodies = [_sheet(cells) for cells in sheets.values()]
    styles = b"".join(_record(0xE0, pack("<HHHBBBBIIH", 0, key, 0, 0, 0, 0, 0, 0, 0, 0)) for key in (0, 10, 14))
    head = _record(0x809, pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + _record(0x42, pack("<H", 1200))
    head += _record(0x31, pack("<HHHHHBBBBBB", 200, 0, 0, 400, 0, 0, 0, 0, 0, 1, 0) + b"A") + styles
    size = len(head) + sum(len(_bound(name, 0, name in hidden)) for name in sheets) + 4
    for name, body in zip(sheets, bodies, strict=True):
        head += _bound(name, size, name in hidden)
        size += len(body)
    return head + _record(0x0A, b"") + b"".join(bodies)


def _record(kind: int, data: bytes) -> bytes:
    return pack("<HH", kind, len(data)) + data


def _bound(name: str, at: int, is_hidden: bool) -> bytes:
    return _record(0x85, pack("<IBBBB", at, is_hidden, 0, len(name), 1) + name.encode("utf-16-le"))


def _sheet(cells: dict[tuple[int, int], tuple[Value, int]]) -> bytes:
    body = _record(0x809, pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    for (row, column), (value, style) in cells.items():
        place = pack("<HHH", row, column, style)
        if isinstance(value, str):
            body += _record(0x204, place + pack("<HB", len(value), 1) + value.encode("utf-16-le"))
        elif isinstance(value, bool) or value is None:
            body += _record(0x205, place + (pack("<BB", ERROR_REF, 1) if value is None else pack("<BB", value, 0)))
        else:
            body += _record(0x203, place + pack("<d", value))
    return body + _record(0x0A, b"")


def xlsb(cells: dict[tuple[int, int], Value], name: str = "Sheet1") -> bytes:
    """A package of one sheet."""
    encoded = name.encode("utf-16-le")
    relation = "rId1".encode("utf-16-le")
    bundle = pack("<III", 0, 1, 4) + relation + pack("<I", len(name)) + encoded
    book = _wide(131, b"") + _wide(143, b"") + _wide(156, bundle) + _wide(144, b"") + _wide(132, b"")
    rows = b""
    for row in sorted({row for row, _ in cells}):
        rows += _wide(0, pack("<IIHHBI", row, 0, 0, 0, 0, 0))
        for (_, column), value in sorted((place, value) for place, value in cells.items() if place[0] == row):
            rows += _cell(column, value)
    sheet = _wide(129, b"") + _wide(148, pack("<IIII", 0, 0, 0, 0)) + _wide(145, b"") + rows + _wide(146, b"")
    types = '<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>'
    return packed(
        {
            "[Content_Types].xml": f'<Types xmlns="{_TYPES}">{types}</Types>',
            "_rels/.rels": _related("officeDocument", "xl/workbook.bin"),
            "xl/workbook.bin": book,
            "xl/_rels/workbook.bin.rels": _related("worksheet", "worksheets/sheet1.bin"),
            "xl/worksheets/sheet1.bin": sheet + _wide(130, b""),
        }
    )


def _related(kind: str, target: str) -> str:
    entry = f'<Relationship Id="rId1" Type="{_OFFICE}/{kind}" Target="{target}"/>'
    return f'<Relationships xmlns="{_RELATIONS}">{entry}</Relationships>'


def _cell(column: int, value: Value) -> bytes:
    place = pack("<II", column, 0)
    if isinstance(value, str):
        return _wide(6, place + pack("<I", len(value)) + value.encode("utf-16-le"))
    if isinstance(value, bool) or value is None:
        return _wide(3, place + bytes([ERROR_REF])) if value is None else _wide(4, place + bytes([value]))
    return _wide(5, place + pack("<d", value))


def _wide(kind: int, data: bytes) -> bytes:
    return _varying(kind) + _varying(len(data)) + data


def _varying(number: int) -> bytes:
    out = bytearray()
    while True:
        out.append(number & 0x7F | (0x80 if number > 0x7F else 0))
        number >>= 7
        if not number:
            return bytes(out)
