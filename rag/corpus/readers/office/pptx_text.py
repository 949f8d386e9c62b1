"""Paragraphs on a slide → paragraphs and list items, with the bullets that a layout or a master lends them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.formulas import linear
from rag.corpus.readers.office.docx_numbering import numeral
from rag.corpus.readers.office.ooxml import MC
from rag.corpus.readers.office.package import Element
from rag.corpus.readers.office.symbols import signs

if TYPE_CHECKING:
    from rag.corpus.readers.office.pptx_shapes import Placeholders

A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_PARAGRAPH = f"{A}p"
_LEFT_OUT = (f"{MC}Fallback", f"{A}rPr", f"{A}pPr", f"{A}endParaRPr")
_STYLES = {"alphaLc": "lowerLetter", "alphaUc": "upperLetter", "romanLc": "lowerRoman", "romanUc": "upperRoman"}


class Styles:
    """Where a slide's paragraphs get their bullets from when they say nothing of it themselves."""

    def __init__(self, lent: Placeholders, master: Element | None) -> None:
        self.lent = lent
        styles = master.find(f"{_P}txStyles") if master is not None else None
        self.body = styles.find(f"{_P}bodyStyle") if styles is not None else None
        self.known: dict[tuple[Element, int], Element | None] = {}

    def bullet(self, style: Element, level: int) -> Element | None:
        """What a list style says of the bullets of a level."""
        key = (style, level)
        if key not in self.known:
            self.known[key] = _own_bullet(style.find(f"{A}lvl{level + 1}pPr"))
        return self.known[key]

    def lists(self, shape: Element) -> list[Element]:
        """The list styles that hold for a shape, the nearest first."""
        models = self.lent.of(shape)
        found = [each.find(f"{_P}txBody/{A}lstStyle") for each in (shape, *models)]
        kinds = {each.get("type", "obj") for one in (shape, *models) for each in one.iter(f"{_P}ph")}
        if kinds & {"body", "obj", "subTitle"}:
            found.append(self.body)
        return [each for each in found if each is not None]


def said(element: Element) -> str:
    """The text of an element, a line for each paragraph."""
    return "\n".join(_line(paragraph) for paragraph in element.iter(_PARAGRAPH)).strip()


def add_text(composer: Composer, shape: Element, styles: Styles) -> None:
    """Put a shape's paragraphs into the composer."""
    lists = styles.lists(shape)
    counts: dict[int, int] = {}
    for paragraph in shape.iter(_PARAGRAPH):
        text = _line(paragraph).strip()
        if not text:
            continue
        properties = paragraph.find(f"{A}pPr")
        level = _level(properties)
        bullet = _own_bullet(properties)
        for style in lists if bullet is None else ():
            bullet = bullet if bullet is not None else styles.bullet(style, level)
        for deeper in [each for each in counts if each > level]:
            del counts[deeper]
        if bullet is None or bullet.tag == f"{A}buNone":
            counts.clear()
            composer.paragraph(text)
            continue
        counts[level] = counts[level] + 1 if level in counts else _start(bullet)
        composer.item(_marker(bullet, counts[level]), text, "   " * level)


def _line(paragraph: Element) -> str:
    """What is shown of a paragraph: numbers of slides are left out, of two forms of a thing the newer one stays."""
    parts: list[str] = []
    waiting = list(reversed(paragraph))
    while waiting:
        element = waiting.pop()
        if element.tag in _LEFT_OUT or (element.tag == f"{A}fld" and element.get("type") == "slidenum"):
            continue
        if element.tag == f"{M}oMath":
            parts.append(linear(element))
            continue
        if element.tag == f"{A}t":
            parts.append(_written(element))
        elif element.tag == f"{A}br":
            parts.append("\n")
        waiting.extend(reversed(element))
    return "".join(parts).replace("\v", "\n")


def _written(element: Element) -> str:
    """The text of a run, in the font of which letters may be signs."""
    properties = element.getparent().find(f"{A}rPr")
    fonts = properties.iterchildren(f"{A}sym", f"{A}latin") if properties is not None else ()
    text = element.text or ""
    for font in fonts:
        text = signs(text, font.get("typeface", ""))
    return text


def _level(properties: Element | None) -> int:
    value = properties.get("lvl", "0") if properties is not None else "0"
    return int(value) if value in tuple("012345678") else 0


def _own_bullet(properties: Element | None) -> Element | None:
    """The element that says which bullet a paragraph has; None where nothing says it."""
    names = (f"{A}bu{name}" for name in ("None", "Char", "AutoNum", "Blip"))
    return next(properties.iterchildren(*names), None) if properties is not None else None


def _start(bullet: Element) -> int:
    value = bullet.get("startAt", "1")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 6 else 1


def _marker(bullet: Element, number: int) -> str:
    """What stands in front of the item."""
    kind = bullet.get("type", "")
    if bullet.tag != f"{A}buAutoNum":
        return "-"
    style = next((style for name, style in _STYLES.items() if kind.startswith(name)), "decimal")
    return f"{numeral(number, style)}{')' if 'Paren' in kind else '.'}"
