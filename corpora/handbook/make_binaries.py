"""Make the PDF and DOCX files of the handbook corpus from their sources.

Each `sources/<path>.<pdf|docx>.md` becomes `documents/<path>.<pdf|docx>`. The sources are a small Markdown:
headings (`#` to `###`), bulleted and numbered lists, tables, paragraphs, and `---page---` for a page break.
Chinese PDFs carry the used part of the font WenQuanYi Micro Hei, so that they look right on every machine.
The output is the same, byte for byte, on every run with the versions named in README.md.

    python corpora/handbook/make_binaries.py
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from xml.sax.saxutils import escape

import docx
from docx.document import Document as DocxDocument
from docx.enum.text import WD_BREAK
from reportlab.lib import colors
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

HERE = Path(__file__).parent
SOURCES = HERE / "sources"
DOCUMENTS = HERE / "documents"
CHINESE_FONT = "WenQuanYi-Micro-Hei"
CHINESE_FONT_FILE = files("paperang_p2_fonts_cjk") / "fonts" / "wqy-microhei.ttc"
DATE = datetime(2024, 7, 31, 12, 0, 0)
AUTHOR = "Tarnholm Tidal Cooperative"
TEXT_WIDTH_PT = 451
POINT_SIZES = {0: 10, 1: 17, 2: 13, 3: 11}
LINE = re.compile(r"(?P<heading>#{1,3}) |(?P<bullet>- )|(?P<number>\d+\. )|(?P<table>\|)|(?P<page>---page---)")


@dataclass(frozen=True, slots=True)
class Block:
    """One line of a source, or one whole table: `kind` is the name of the group of LINE, or "text"."""

    kind: str
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def main() -> None:
    pdfmetrics.registerFont(TTFont(CHINESE_FONT, str(CHINESE_FONT_FILE)))
    for source in sorted(SOURCES.rglob("*.md")):
        target = DOCUMENTS / source.relative_to(SOURCES).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(WRITERS[target.suffix](list(parse(source.read_text(encoding="utf-8")))))
        print(f"{target.stat().st_size:>6} bytes  {target.relative_to(HERE)}")


def parse(text: str) -> Iterator[Block]:
    rows: list[tuple[str, ...]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append(tuple(cell.strip() for cell in line.strip("|").split("|")))
            continue
        if rows:
            yield Block("table", rows=(rows[0], *rows[2:]))
            rows = []
        if line.strip():
            yield parse_line(line)


def parse_line(line: str) -> Block:
    match = LINE.match(line)
    if match is None or match.lastgroup is None:
        return Block("text", line)
    kind = match.lastgroup
    keep_number = kind == "number"
    return Block(kind, line if keep_number else line[match.end() :], level=match[0].count("#"))


def write_pdf(blocks: list[Block]) -> bytes:
    buffer = io.BytesIO()
    chinese = any("\u4e00" <= character <= "\u9fff" for block in blocks for character in block.text)
    template = SimpleDocTemplate(buffer, title=blocks[0].text, author=AUTHOR, invariant=1)
    template.build([flowable for block in blocks for flowable in pdf_flowables(block, chinese=chinese)])
    return buffer.getvalue()


def pdf_flowables(block: Block, *, chinese: bool) -> list[Flowable]:
    if block.kind == "page":
        return [PageBreak()]
    style = pdf_style(block, chinese=chinese)
    if block.kind == "table":
        return [pdf_table(block, style), Spacer(1, 8)]
    bullet = "- " if block.kind == "bullet" else ""
    return [Paragraph(bullet + escape(block.text), style)]


def pdf_style(block: Block, *, chinese: bool) -> ParagraphStyle:
    size = POINT_SIZES[block.level]
    latin = "Helvetica-Bold" if block.level else "Helvetica"
    return ParagraphStyle(
        f"{block.kind}{block.level}",
        fontName=CHINESE_FONT if chinese else latin,
        fontSize=size,
        leading=size * 1.4,
        spaceBefore=size if block.level else 0,
        spaceAfter=5,
        leftIndent=14 if block.kind in {"bullet", "number"} else 0,
        wordWrap="CJK" if chinese else None,
    )


def pdf_table(block: Block, style: ParagraphStyle) -> Table:
    cells = [[Paragraph(escape(cell), style) for cell in row] for row in block.rows]
    columns = len(block.rows[0])
    grid = TableStyle(
        [("GRID", (0, 0), (-1, -1), 0.5, colors.grey), ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke)]
    )
    return Table(cells, colWidths=[TEXT_WIDTH_PT / columns] * columns, style=grid, repeatRows=1)


def write_docx(blocks: list[Block]) -> bytes:
    document = docx.Document()
    for block in blocks:
        add_to_docx(document, block)
    properties = document.core_properties
    properties.author = properties.last_modified_by = AUTHOR
    properties.title = blocks[0].text
    properties.comments = ""
    properties.created = properties.modified = DATE
    buffer = io.BytesIO()
    document.save(buffer)
    return with_fixed_times(buffer.getvalue())


def add_to_docx(document: DocxDocument, block: Block) -> None:
    if block.kind == "heading":
        document.add_heading(block.text, level=block.level)
    elif block.kind == "table":
        add_docx_table(document, block)
    elif block.kind == "bullet":
        document.add_paragraph(block.text, style="List Bullet")
    elif block.kind == "page":
        document.add_paragraph().add_run().add_break(WD_BREAK.PAGE)
    else:
        document.add_paragraph(block.text)


def add_docx_table(document: DocxDocument, block: Block) -> None:
    table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
    for row in block.rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text


def with_fixed_times(archive: bytes) -> bytes:
    """The same ZIP archive with every member dated DATE."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            new.writestr(zipfile.ZipInfo(name, DATE.timetuple()[:6]), old.read(name), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


WRITERS = {".pdf": write_pdf, ".docx": write_docx}

if __name__ == "__main__":
    main()
