"""What texts, slides and sheets of OpenDocument have in common: names, styles, embedded objects, inline text."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rag.corpus.readers.compose import whole
from rag.corpus.readers.formulas import linear
from rag.corpus.readers.office.docx_numbering import DEEPEST_STYLE
from rag.corpus.readers.office.package import Element, Package
from rag.corpus.readers.pictures.embedded import Pictures

_NS = "{urn:oasis:names:tc:opendocument:xmlns:"
OFFICE, TEXT, TABLE = f"{_NS}office:1.0}}", f"{_NS}text:1.0}}", f"{_NS}table:1.0}}"
DRAW, STYLE, META = f"{_NS}drawing:1.0}}", f"{_NS}style:1.0}}", f"{_NS}meta:1.0}}"
SVG, PRESENTATION = f"{_NS}svg-compatible:1.0}}", f"{_NS}presentation:1.0}}"
CHART = f"{_NS}chart:1.0}}"
XLINK = "{http://www.w3.org/1999/xlink}"
_MATH = "{http://www.w3.org/1998/Math/MathML}"
_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"
_SPACE = re.compile("[ \t\r\n]+")
_MOST_SPACES = 100
_LEFT_OUT = {f"{TEXT}{name}" for name in ("page-number", "page-count", "tracked-changes", "ruby-text", "note-citation")}
_ASIDES = {f"{TEXT}note": "note", f"{OFFICE}annotation": "comment", f"{DRAW}frame": "frame"}
_ASIDES |= {f"{DRAW}{name}": "shape" for name in ("custom-shape", "rect", "ellipse", "line", "connector", "g")}


@dataclass(frozen=True, slots=True)
class Aside:
    """What hangs on a paragraph: a note, a comment, a frame or a shape."""

    kind: str
    element: Element


class Parts:
    """An open file: its styles by name, and the objects and pictures that are embedded in it."""

    def __init__(
        self, root: Element, roots: Sequence[Element], package: Package | None, pictures: Pictures | None = None
    ) -> None:
        self.root = root
        self.roots = roots
        self.package = package
        self.pictures = pictures or Pictures()
        self.styles = {
            each.get(f"{STYLE}name", ""): each for one in reversed(roots) for each in one.iter(f"{STYLE}style")
        }
        self.lists = {each.get(f"{STYLE}name", ""): each for one in roots for each in one.iter(f"{TEXT}list-style")}
        outlines = (each for one in reversed(roots) for each in one.iter(f"{TEXT}outline-level-style"))
        self.outline = {each.get(f"{TEXT}level", ""): each for each in outlines}
        self._read: set[str] = set()

    def level(self, paragraph: Element) -> int | None:
        """0 for the title, the level of a heading that only its style makes one, None for other text."""
        style, seen = paragraph.get(f"{TEXT}style-name", ""), set[str]()
        while style and style not in seen and len(seen) <= DEEPEST_STYLE:
            seen.add(style)
            if style == "Title":
                return 0
            found = self.styles.get(style)
            level = found.get(f"{STYLE}default-outline-level", "") if found is not None else ""
            if level:
                return number(level, 1)
            style = found.get(f"{STYLE}parent-style-name", "") if found is not None else ""
        return None

    def is_hidden(self, element: Element) -> bool:
        """Whether the style of a paragraph or a run does not show it."""
        style = self.styles.get(element.get(f"{TEXT}style-name", ""))
        properties = style.find(f"{STYLE}text-properties") if style is not None else None
        return properties is not None and properties.get(f"{TEXT}display") == "none"

    def object(self, link: str) -> Element | None:
        """The root of an embedded object, the first time that it is asked for."""
        name = posixpath.normpath(f"{link.removeprefix('./')}/content.xml")
        if self.package is None or name in self._read or name not in self.package:
            return None
        self._read.add(name)
        return self.package.xml(name)


def child(element: Element, tag: str) -> Element | None:
    """The first element of that tag, at any depth."""
    return next(element.iter(tag), None)


def inline(paragraph: Element, parts: Parts, asides: list[Aside], mark: Callable[[Aside], str]) -> str:
    """The text of a paragraph; what hangs on it goes into `asides`, with what `mark` makes of it in the text."""
    said: list[str] = []
    waiting: list[tuple[Element, bool]] = [(paragraph, True)]
    while waiting:
        element, opening = waiting.pop()
        if not opening:
            said.append(_SPACE.sub(" ", element.tail or ""))
            continue
        if element is not paragraph:
            waiting.append((element, False))
        tag = element.tag
        if tag in _LEFT_OUT or (tag in (f"{TEXT}span", f"{TEXT}p", f"{TEXT}h") and parts.is_hidden(element)):
            continue
        if tag in _ASIDES and element is not paragraph:
            aside = Aside(_ASIDES[tag], element)
            asides.append(aside)
            said.append(mark(aside))
            continue
        said.append(_special(element) or _SPACE.sub(" ", element.text or ""))
        waiting.extend((each, True) for each in reversed(element) if isinstance(each.tag, str))
    return "".join(said)


def _special(element: Element) -> str:
    """What an element without text stands for; "" for others."""
    if element.tag == f"{TEXT}s":
        return " " * min(number(element.get(f"{TEXT}c"), 1), _MOST_SPACES)
    return {f"{TEXT}tab": "\t", f"{TEXT}line-break": "\n"}.get(element.tag, "")


def plain(element: Element, parts: Parts) -> str:
    """The text of all paragraphs within an element, a line each."""
    lines = (inline(each, parts, [], lambda _: "").strip() for each in paragraphs(element))
    return "\n".join(line for line in lines if line)


def paragraphs(within: Element) -> Iterator[Element]:
    """The outermost paragraphs and headings within an element."""
    waiting = list(reversed(within))
    while waiting:
        element = waiting.pop()
        if element.tag in (f"{TEXT}p", f"{TEXT}h"):
            yield element
        elif element.tag not in _LEFT_OUT and element.tag not in (f"{OFFICE}annotation", f"{PRESENTATION}notes"):
            waiting.extend(reversed(element))


def comment(element: Element, parts: Parts) -> str:
    """A comment with its author; "" for one that says nothing."""
    said = plain(element, parts)
    author = (element.findtext(_CREATOR) or "").strip()
    return said and (f"Comment by {author}: {said}" if author else f"Comment: {said}")


def formula(root: Element) -> str:
    """The text of an embedded formula; "" for another object."""
    found = child(root, f"{_MATH}math")
    return linear(found) if found is not None else ""


def number(value: str | None, default: int) -> int:
    """A whole number of an attribute."""
    return whole(value, default, 8)
