"""XML → Markdown: what elements say, under the titles of what they stand in. Tags are no text, but names of values.

An element that has a title is a section; one with text among its elements is a paragraph; one with a short text alone
is a value, `name: text`. Entities of a document's own are never expanded, nothing outside is read, and what is no
well-formed XML is kept as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from rag.corpus.readers.compose import Composer
from rag.corpus.readers.plain import text_of
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.textual.placed import Placed
from rag.corpus.readers.web.html import parse_html

LONGEST_VALUE = 120
"""Characters of a text that is shown with the name of its element; a longer one is a paragraph."""
LONGEST_NAME = 300
DEEPEST = 60
"""Levels of elements that are told apart; those below are one text."""

_DECLARED = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']")
_TITLES = ("title", "name", "heading", "head", "label", "subject", "term")
_PROSE_NAMES = "p para simpara formalpara text description summary content abstract body note encoded lead entry"
_PROSE = frozenset(_PROSE_NAMES.split())
_ITEMS = {"li", "listitem", "item", "step", "member", "bullet"}
_CODE = {"programlisting", "screen", "literallayout", "pre", "codeblock", "synopsis", "code"}
_TABLES = {"table", "informaltable", "simpletable"}
_ROWS, _CELLS = {"tr", "row", "strow", "sthead"}, {"td", "th", "entry", "stentry", "cell"}
_LISTS = {"itemizedlist", "orderedlist", "simplelist", "ul", "ol", "list", "steps"}
_APART = _PROSE | _ITEMS | {"title", "caption", "td", "th", "l", "lb", "br"}
"""Elements whose text is none of the word that stands before them."""
_UNREAD = {"style", "script"}
_DRAWN = {"path", "defs", "metadata"}
"""What says nothing in a drawing."""
_SAYS = {
    **{"creator": "author", "author": "author", "language": "language", "subject": "subject"},
    **{"date": "date", "pubdate": "date", "updated": "date"},
}
_HTML = re.compile(r"<(?:p|br|div|a|ul|ol|li|b|i|em|strong|img|h[1-6]|span|table)\b[^<>]*>", re.IGNORECASE)
_MARKUP = re.compile(r"<(br|/p|/div|/li|/h[1-6]|/tr)\b[^<>]*>|<[^<>]*>", re.IGNORECASE)


def parse_xml(data: bytes, path: str) -> Content | Unread:
    """The text of an XML document with the lines of its elements as places; XHTML is read as HTML."""
    declared = _DECLARED.match(data[:1000])
    text = text_of(data, declared[1].decode() if declared else "")
    if isinstance(text, Unread):
        return text
    root = _root(text)
    if root is None:
        return Content(text, "code")
    name = _name(root)
    if name == "html":
        return parse_html(data, path)
    written = _Writer(drawing=name == "svg")
    written.element(root, 0)
    return Content(written.placed.text(), "markdown", _title_of(root), written.placed.pages(), tuple(_metadata(root)))


def _root(text: str) -> etree._Element | None:
    """The root of the text's tree; None where it is not well-formed, or larger or deeper than libxml2 takes."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(text.lstrip().encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None


class _Writer:
    """The Markdown as it grows, each heading, paragraph and value a place of its own."""

    def __init__(self, *, drawing: bool) -> None:
        self.placed = Placed()
        self.drawing = drawing
        self.shift = 0  # under the title of the whole, sections are a level down
        self.listed = False

    def element(self, element: etree._Element, depth: int) -> None:
        name = _name(element)
        children = [child for child in element if isinstance(child.tag, str)]
        if name in _UNREAD or (self.drawing and name in _DRAWN):
            return
        if name in _CODE:
            self.block(element, code=_said(element))
        elif name in _TABLES and any(_name(each) in _ROWS for each in element.iter("{*}*")):
            self.table(element)
        elif not children:
            self.value(element)
        elif depth >= DEEPEST or _is_mixed(element, children) or (name in _ITEMS and _is_short(element)):
            self.paragraph(element)
        else:
            self.section(element, children, depth)

    def section(self, element: etree._Element, children: list[etree._Element], depth: int) -> None:
        """An element that holds others alone: under its title, or its name where it has none."""
        title = _titled(children)
        said = _said(title) if title is not None else ""
        if said or (depth and _name(element) not in _LISTS):
            self.listed = False
            named = said or element.get("name") or element.get("title") or element.get("id") or ""
            composer = Composer()
            self.shift = self.shift if depth else 1
            composer.heading(max(depth + self.shift, 1), (named or _tag(element))[:LONGEST_NAME])
            self.placed.add(composer.text(), _line(element))
        if depth:
            self.attributes(element)
        for child in children:
            if child is not title or not said:
                self.element(child, depth + 1)
        self.listed = False

    def value(self, element: etree._Element) -> None:
        """An element with nothing but a text."""
        said, name = _said(element), _name(element)
        if len(said) > LONGEST_VALUE or name in _PROSE or (self.drawing and said):
            self.paragraph(element)
        elif said:
            self.item(element, f"{_tag(element)}: {said}" if name not in _ITEMS else said)
        else:
            self.attributes(element, of_value=True)

    def attributes(self, element: etree._Element, *, of_value: bool = False) -> None:
        """What attributes say; in a drawing they are shapes."""
        pairs = (
            []
            if self.drawing
            else [
                f"{_bare(str(key))}: {' '.join(value.split())}"
                for key, value in element.attrib.items()
                if value.strip() and len(value) <= LONGEST_VALUE and not str(key).startswith("{http://www.w3.org/")
            ]
        )
        if pairs:
            self.item(element, f"{_tag(element)}: {', '.join(pairs)}" if of_value else ", ".join(pairs))

    def paragraph(self, element: etree._Element) -> None:
        self.block(element, prose=_said(element), marker="-" if _name(element) in _ITEMS else "")

    def item(self, element: etree._Element, text: str) -> None:
        """A value; those that stand together are one list."""
        composer = Composer()
        composer.item("-", text)
        self.placed.add(composer.text(), _line(element), "\n" if self.listed else "\n\n")
        self.listed = True

    def block(self, element: etree._Element, *, prose: str = "", code: str = "", marker: str = "") -> None:
        self.listed = False
        composer = Composer()
        if code.strip():
            composer.code(code.strip("\n"))
        elif marker and prose:
            composer.item(marker, prose)
        else:
            composer.paragraph(prose)
        self.placed.add(composer.text(), _line(element))

    def table(self, element: etree._Element) -> None:
        self.listed = False
        for title in (each for each in element if _name(each) in ("title", "caption")):
            self.paragraph(title)
        found = (each for each in element.iter("{*}*") if _name(each) in _ROWS)
        rows = [[" ".join(_said(cell).split()) for cell in row if _name(cell) in _CELLS] for row in found]
        composer = Composer()
        composer.table([row for row in rows if row])
        self.placed.add(composer.text(), _line(element))


def _said(element: etree._Element) -> str:
    """The text of an element: lines kept in code, one paragraph else; markup that is quoted in it left out."""
    text = "".join(_texts(element))
    if _name(element) in _CODE:
        return text
    if _HTML.search(text):
        text = _MARKUP.sub(lambda match: "\n" if match[1] else "", text)
        return "\n".join(filter(None, (" ".join(line.split()) for line in text.split("\n"))))
    return " ".join(text.split())


def _texts(element: etree._Element) -> Iterator[str]:
    """All text below an element; a reference to an entity as it is written. Paragraphs within it stand apart."""
    within_code = _name(element) in _CODE
    waiting = [(element, True)]
    while waiting:
        each, opening = waiting.pop()
        if not within_code and each is not element and _name(each) in _APART:
            yield " "
        yield (each.text if opening else each.tail) or ""
        if opening:
            waiting.extend([(each, False)] if each is not element else [])
            waiting.extend((child, True) for child in reversed(each))


def _is_mixed(element: etree._Element, children: list[etree._Element]) -> bool:
    return bool((element.text or "").strip()) or any((child.tail or "").strip() for child in children)


def _is_short(element: etree._Element) -> bool:
    """Whether an item of a list is no more than a paragraph."""
    left = 10 * LONGEST_VALUE
    for text in _texts(element):
        left -= len(text)
        if left < 0:
            return False
    return _titled(list(element)) is None


def _titled(children: list[etree._Element]) -> etree._Element | None:
    """The child that is the title of a section, among its first ones."""
    for wanted in _TITLES:
        for child in children[:20]:
            if _name(child) == wanted:
                return child
    return None


def _title_of(root: etree._Element) -> str:
    """The title that a document gives itself: its own, or that of its head, info or channel."""
    for holder in (root, *root[:3]):
        if isinstance(holder.tag, str):
            for child in holder[:20]:
                if isinstance(child.tag, str) and _name(child) == "title":
                    return _said(child)[:LONGEST_NAME]
    return ""


def _metadata(root: etree._Element) -> Iterator[tuple[str, str]]:
    for holder in (root, *root[:3]):
        for child in holder[:30] if isinstance(holder.tag, str) else ():
            key = _SAYS.get(_name(child)) if isinstance(child.tag, str) else None
            said = _said(child)[:LONGEST_NAME] if key else ""
            if key and said:
                yield key, said


def _name(element: etree._Element) -> str:
    return _tag(element).lower() if isinstance(element.tag, str) else ""


def _tag(element: etree._Element) -> str:
    """The name of an element as it is written, without its namespace."""
    return _bare(str(element.tag))


def _bare(name: str) -> str:
    return name.rpartition("}")[2]


def _line(element: etree._Element) -> str:
    return f"line {element.sourceline or 1}"
