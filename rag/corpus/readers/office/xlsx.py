"""XLSX → Markdown: the cells of each sheet as they are shown, with the numbers that the file keeps of its formulas."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag.corpus.readers.office.number_format import BUILT_IN, plain, shown
from rag.corpus.readers.office.ooxml import Part, R, main_part, part, parts_of_type, properties, related, title_of
from rag.corpus.readers.office.package import Element, Package, converted_package, iterparse
from rag.corpus.readers.office.pptx_text import said
from rag.corpus.readers.office.sheet_blocks import Merge, SheetCell
from rag.corpus.readers.office.sheets import MOST_CELLS, MOST_CHARACTERS, Sheet, TooManyCells, content
from rag.corpus.readers.reader import Content, Unread

S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_DRAWN = "{http://schemas.openxmlformats.org/drawingml/2006/spreadsheetDrawing}"
_THREADED = "{http://schemas.microsoft.com/office/spreadsheetml/2018/threadedcomments}"
_CELL = re.compile(r"\$?([A-Za-z]{1,3})\$?([0-9]{1,7})")
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
_MOST_COLUMNS, _MOST_ROWS = 16_384, 1_048_576
_STRICT_NAMESPACE = "http://purl.oclc.org/ooxml/spreadsheetml/main"


def parse_xlsx(data: bytes, _path: str) -> Content | Unread:
    """The sheets' cells as Markdown tables, hidden sheets included; their comments and text boxes below."""
    return converted_package(data, "XLSX", _content)


def _content(package: Package) -> Content | Unread:
    book = main_part(package)
    metadata = properties(package)
    return content(_sheets(package, book), metadata, title_of(metadata))


def _sheets(package: Package, book: Part) -> Iterator[Sheet]:
    cells = _Cells(package, book)
    for each in book.root.iter(f"{S}sheet"):
        kind, name = book.related.get(each.get(f"{R}id", ""), ("", ""))
        sheet = Sheet(each.get("name", ""), each.get("state", "visible") != "visible")
        if kind == "worksheet":
            cells.fill(sheet, package, name)
            owner = _owner(package, name)
            sheet.remarks = [*_comments(package, owner), *_boxes(package, owner)]
        yield sheet


class _Cells:
    """What cells refer to: shared strings and formats."""

    def __init__(self, package: Package, book: Part) -> None:
        strings = next((each for each in book.of_type("sharedStrings") if each in package), "")
        self.strings = list(_strings(package, strings)) if strings else []
        self.formats = [code for each in parts_of_type(package, book, "styles") for code in _formats(each.root)]
        settings = book.root.find(f"{S}workbookPr")
        self.from_1904 = settings is not None and settings.get("date1904") in ("1", "true")
        self.columns: dict[str, int] = {}
        self.count = 0

    def fill(self, sheet: Sheet, package: Package, name: str) -> None:
        """Read the cells and the merged ranges of a sheet's part."""
        row = -1
        for element in _stream(package, name, "row", "mergeCell"):
            if element.tag.endswith("mergeCell"):
                sheet.merges.extend(_merge(element.get("ref", "")))
                continue
            row = _index(element.get("r", ""), row, _MOST_ROWS)
            column = -1
            for cell in element:
                if cell.tag.endswith("}c"):
                    column = self.column(cell.get("r", ""), column)
                    if column < _MOST_COLUMNS and row < _MOST_ROWS:
                        self.count += 1
                        if self.count > MOST_CELLS:
                            raise TooManyCells
                        sheet.put(row, column, self.shown(cell))

    def column(self, name: str, before: int) -> int:
        """A cell's column by its name; the next one where it has none."""
        letters = name.rstrip("0123456789")
        if letters not in self.columns:
            self.columns[letters] = _column(letters)
        return self.columns[letters] if letters else before + 1

    def shown(self, cell: Element) -> SheetCell:
        """What a cell shows; of a formula without a value, the formula."""
        kind = cell.get("t", "n")
        value = formula = ""
        for child in cell:
            name = child.tag.rpartition("}")[2]
            if name == "v":
                value = child.text or ""
            elif name == "is":
                return SheetCell(_string(child))
            elif name == "f":
                formula = child.text or ""
        if not value:
            return SheetCell(f"={formula}" if formula else "", False)
        if kind == "s":
            return SheetCell(self.strings[int(value)])
        if kind == "b":
            return SheetCell("TRUE" if value.strip() in ("1", "true") else "FALSE", False)
        if kind == "n":
            return SheetCell(self.number(value, cell.get("s", "")), False)
        return SheetCell(value.removesuffix("T00:00:00") if kind == "d" else value, kind == "str")

    def number(self, value: str, style: str) -> str:
        code = self.formats[int(style)] if style.isdigit() and int(style) < len(self.formats) else ""
        try:
            if not code:
                return plain(float(value))
            return shown(float(value), code, from_1904=self.from_1904)
        except ValueError:
            return value


def _stream(package: Package, name: str, *tags: str) -> Iterator[Element]:
    """The elements of a part as they end, whichever of the standard's two namespaces it is written in."""
    names = [f"{{{namespace}}}{tag}" for namespace in (S[1:-1], _STRICT_NAMESPACE) for tag in tags]
    return iterparse(package.open(name), *names)


def _owner(package: Package, name: str) -> dict[str, list[str]]:
    """The parts that belong to a sheet by their kind; the sheet itself is not parsed for it."""
    found: dict[str, list[str]] = {}
    for kind, target in related(package, name).values():
        if target in package:
            found.setdefault(kind, []).append(target)
    return found


def _comments(package: Package, owner: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """Comments with their cells; a thread stands for the note that older programs show in its place."""
    threads = [part(package, name).root for name in owner.get("threadedComment", [])]
    if threads:
        for comment in (each for root in threads for each in root.iter(f"{_THREADED}threadedComment")):
            yield comment.get("ref", ""), comment.findtext(f"{_THREADED}text") or ""
        return
    for name in owner.get("comments", []):
        for comment in part(package, name).root.iter(f"{S}comment"):
            text = comment.find(f"{S}text")
            yield comment.get("ref", ""), _string(text) if text is not None else ""


def _boxes(package: Package, owner: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """What text boxes and shapes on a sheet say."""
    for name in owner.get("drawing", []):
        for box in part(package, name).root.iter(f"{_DRAWN}txBody"):
            text = said(box)
            if text:
                yield "", text


def _strings(package: Package, name: str) -> Iterator[str]:
    """The strings that cells share, within the bounds of what is read."""
    characters = 0
    for count, each in enumerate(_stream(package, name, "si")):
        text = _string(each)
        characters += len(text)
        if count > MOST_CELLS or characters > MOST_CHARACTERS:
            raise TooManyCells
        yield text


def _string(element: Element) -> str:
    """A string with all its runs; how it is pronounced is left out."""
    parts = []
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "t":
            parts.append(child.text or "")
        elif name == "r":
            parts.extend(each.text or "" for each in child if each.tag.endswith("}t"))
    return _ESCAPED.sub(_unescaped, "".join(parts))


def _unescaped(match: re.Match[str]) -> str:
    char = chr(int(match[1], 16))
    return char if char.isprintable() else "\n" if char == "\n" else " "


def _formats(styles: Element) -> list[str]:
    """The format code of each cell style."""
    own = {each.get("numFmtId", ""): each.get("formatCode", "") for each in styles.iter(f"{S}numFmt")}
    cells = styles.find(f"{S}cellXfs")
    used = [each.get("numFmtId", "0") for each in cells.iter(f"{S}xf")] if cells is not None else []
    return [own.get(each) or BUILT_IN.get(_whole(each), "") for each in used]


def _whole(value: str) -> int:
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else 0


def _index(name: str, before: int, most: int) -> int:
    """A row's index by its number; the next one where it has none."""
    return min(_whole(name) - 1, most) if _whole(name) else before + 1


def _column(letters: str) -> int:
    """A column by its letters; one that is not there for what is no name of a column."""
    column = 0
    for letter in letters.upper() if letters.isascii() and letters.isalpha() and len(letters) < 4 else "ZZZ":
        column = 26 * column + ord(letter) - 64
    return column - 1


def _merge(ref: str) -> list[Merge]:
    first, _, last = ref.partition(":")
    ends = [_CELL.fullmatch(each) for each in (first, last)]
    if not ends[0] or not ends[1]:
        return []
    rows = [int(each[2]) - 1 for each in ends if each]
    columns = [_column(each[1]) for each in ends if each]
    return [(rows[0], columns[0], rows[1], columns[1])]
