"""EPUB → Markdown: the chapters in the order of the spine, each a place; tables of contents are left out."""

from __future__ import annotations

import html
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from urllib.parse import unquote

from lxml import etree

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers.compose import Composer
from rag.corpus.readers.encodings.encoding import decode
from rag.corpus.readers.office.package import MOST_XML, Element, Package, converted_package, parse_xml
from rag.corpus.readers.pictures.embedded import Pictures, is_bare, is_picture, worst
from rag.corpus.readers.places import Section, joined
from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.web.blocks import converted, one_line
from rag.datatypes import Metadata, State

_OPF = "{http://www.idpf.org/2007/opf}"
_DC = "{http://purl.org/dc/elements/1.1/}"
_CONTAINER = "{urn:oasis:names:tc:opendocument:xmlns:container}"
_ENC = "{http://www.w3.org/2001/04/xmlenc#}"
_XLINK = "{http://www.w3.org/1999/xlink}"
_EPUB_TYPE = "{http://www.idpf.org/2007/ops}type"
_PROPERTIES = {"title": "title", "creator": "author", "language": "language", "date": "date", "publisher": "publisher"}
_PROPERTIES |= {"subject": "subject", "description": "description"}
_UNSEEN = {"script", "style", "template", "head", "svg", "iframe", "object", "audio", "video", "nav"}
_CONTENTS = {"toc", "landmarks", "page-list", "lot", "loi", "index"}
_ENTITY = re.compile(r"&([A-Za-z][A-Za-z0-9]{1,31});")
_XML_ENTITIES = {"amp", "lt", "gt", "quot", "apos"}
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[[^\]]*\])?[^>]*>", re.IGNORECASE)
_NUMBERED = re.compile(r"(?:chapter|part|kapitel|chapitre|cap[ií]tulo|глава)\b|第\w{1,5}[章回部卷]|\d", re.IGNORECASE)
_ENCODING = re.compile(rb"\s*<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z0-9._:-]+)[\"']")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_START = 4096
_LONGEST_TITLE = 100
_LONGEST_FRONT = 400
"""Characters before a part's first heading that go with it: a motto, a picture's description."""
_DEEPEST = 3
"""The level down to which headings are those of chapters."""
_LINE = re.compile(r"(?m)^.+$")
_FENCE = re.compile(r" *`{3,}")
_HEADING = re.compile(r"(#{1,6}) (.+)")


def parse_epub(data: bytes, _path: str, pictures: Pictures | None = None) -> Content | Unread:
    """The chapters' text as Markdown, and what the book says of itself."""
    return converted_package(data, "EPUB", partial(_content, pictures=pictures or Pictures()))


def _content(package: Package, pictures: Pictures) -> Content | Unread:
    if "META-INF/container.xml" not in package:
        return Unread(State.FAILED, "damaged EPUB: has no container.xml", "make it anew")
    container = package.xml("META-INF/container.xml")
    name = next((each.get("full-path", "") for each in container.iter() if each.get("full-path")), "")
    book = package.xml(name)
    chapters, contents = _spine(book, posixpath.dirname(name))
    locked = _encrypted(package)
    if any(chapter in locked for chapter in chapters):
        return Unread(State.ENCRYPTED, "is protected (DRM)", "get a copy without protection")
    missing = ", ".join([chapter for chapter in chapters if chapter not in package][:20])
    metadata = (*_metadata(book), *([("not_read", f"missing in the file: {missing}")] if missing else []))
    sections = [*_about(metadata), *_sections(_seen(package, list(_parts(package, chapters)), pictures))]
    text, pages = joined(sections)
    state = next((section.state for section in sections if section.state), None)
    if state and not text:
        return pictures.nothing_else("its chapters hold", state)
    cleaned = added({Cleaning.CONTENTS: contents})
    return Content(text, "markdown", dict(metadata).get("title", ""), pages, metadata, cleaned=cleaned)


def _spine(book: Element, folder: str) -> tuple[list[str], int]:
    """The names of the chapters' parts in reading order, and how many others are a table of contents.

    Where a book gives no order, its parts come as they are listed.
    """
    left_out = {
        _joined(folder, each.get("href", ""))
        for each in book.iter(f"{_OPF}reference")
        if each.get("type", "").lower() in _CONTENTS
    }
    items = {each.get("id", ""): each for each in book.iter(f"{_OPF}item")}
    names: dict[str, bool] = {}
    ordered = [items[each.get("idref")] for each in book.iter(f"{_OPF}itemref") if each.get("idref") in items]
    for item in ordered or (each for each in items.values() if "html" in each.get("media-type", "")):
        name = _joined(folder, item.get("href", ""))
        if "image" not in item.get("media-type", ""):
            names[name] = name not in left_out and "nav" not in item.get("properties", "").split()
    chapters = [name for name, is_chapter in names.items() if is_chapter]
    return chapters, len(names) - len(chapters)


def _joined(folder: str, link: str) -> str:
    path = unquote(link.partition("#")[0])
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/") if path else ""


def _encrypted(package: Package) -> set[str]:
    """The names of parts that are encrypted."""
    if "META-INF/encryption.xml" not in package:
        return set()
    links = (each.get("URI", "") for each in package.xml("META-INF/encryption.xml").iter(f"{_ENC}CipherReference"))
    return {_joined("", link) for link in links}


def _metadata(book: Element) -> Metadata:
    """What the book says of itself; several authors or subjects stand one after the other."""
    said = [
        (_PROPERTIES[name], " ".join((each.text or "").split()))
        for each in book.iter(f"{_DC}*")
        for name in [each.tag.rpartition("}")[2]]
        if name in _PROPERTIES
    ]
    dates = sorted(value[:10] for key, value in said if key == "date" and value)
    others = ((key, value) for key, value in said if key != "date" and value)
    return (*others, *(("date", date) for date in dates[:1]))


def _about(metadata: Metadata) -> Iterator[Section]:
    """Who wrote the book and what it is about, as its file says."""
    authors = ", ".join(value for key, value in metadata if key == "author")
    composer = Composer()
    composer.paragraph(f"Authors: {authors}" if authors else "")
    for text in (value for key, value in metadata if key == "description"):
        root = _tree(text.encode())
        composer.paragraph(one_line("".join(root.itertext())) if root is not None else text)
    if composer.parts:
        yield Section(1, "about the book", composer.text())


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of the spine: its text, and the names of its pictures where it says next to nothing."""

    text: str
    pictures: tuple[str, ...] = ()
    state: State | None = None


def _parts(package: Package, chapters: list[str]) -> Iterator[_Part]:
    for name in chapters:
        if name in package:
            root = _tree(package.read(name, MOST_XML))
            text = converted(root, _is_left_out) if root is not None else ""
            yield _Part(text, tuple(_drawn(root, name)) if root is not None and is_bare(text) else ())


def _drawn(root: Element, name: str) -> Iterator[str]:
    """The names of the pictures that a chapter shows."""
    for element in root.iter("img", "image"):
        link = element.get("src") or element.get("href") or element.get(f"{_XLINK}href") or ""
        yield _joined(posixpath.dirname(name), link)


def _seen(package: Package, parts: list[_Part], pictures: Pictures) -> Iterator[_Part]:
    """The parts, with the text of pictures if most are nothing else: a cover and plates are left out."""
    shown = [tuple(name for name in part.pictures if is_picture(package, name)) for part in parts]
    is_pictured = sum(map(bool, shown)) > sum(bool(part.text.strip()) or bool(part.pictures) for part in parts) / 2
    for part, names in zip(parts, shown, strict=True):
        read = [pictures.text(package, name) for name in names] if is_pictured else []
        texts = [part.text.strip(), *(text for text in read if not isinstance(text, State))]
        yield _Part("\n\n".join(filter(None, texts)) + "\n", (), worst(read)) if read else part


def _sections(parts: Iterator[_Part]) -> Iterator[Section]:
    """The chapters that say something; they are counted, a cover is none.

    Programs cut a book by size: a part of the spine may begin within one chapter and go on with the next.
    """
    number, level, label = 0, 0, ""
    for each in parts:
        text = each.text
        if each.state and not text.strip():
            number += 1
            label = f"chapter {number}"
            yield Section(number, label, "", each.state)
        for begins, part in _chapters(text, level):
            if begins or not label or next(_headings(text), None) is None:
                number += 1
                label = _label(number, begins[2] if begins else "")
            level = len(begins[1]) if begins else level
            yield Section(number, label, part, each.state)


def _chapters(text: str, level: int) -> Iterator[tuple[re.Match[str] | None, str]]:
    """A part of the spine, cut before the headings that begin a chapter; None for what stands before the first.

    `level` is that of the chapter before (0: there is none).
    """
    if not text.strip():
        return
    begin = _beginnings(text, level)
    starts = [heading.start() for heading in begin]
    if starts and starts[0] <= _LONGEST_FRONT:
        starts[0] = 0
    before: list[None] = [] if starts and not starts[0] else [None]
    ends = [*starts[len(before) == 0 :], len(text)]
    for heading, start, end in zip([*before, *begin], [0] * len(before) + starts, ends, strict=True):
        yield heading, text[start:end].rstrip("\n") + "\n"


def _beginnings(text: str, level: int) -> list[re.Match[str]]:
    """The headings that begin a chapter: no deeper than the chapter before, or like the first if none is such.

    Of headings with nothing between them ("Chapter 1", "The launch") the first begins it.
    """
    headings = [heading for heading in _headings(text) if len(heading[1]) <= _DEEPEST]
    if headings and not any(len(heading[1]) <= level for heading in headings):
        if level and headings[0].start() > _LONGEST_FRONT:
            return []  # it begins within that chapter, and has sections of it
        level = len(headings[0][1])
    found: list[re.Match[str]] = []
    end = -1
    for heading in headings:
        joins = end >= 0 and not text[end : heading.start()].strip()
        if len(heading[1]) <= level and not joins:
            found.append(heading)
            level = len(heading[1])
        end = heading.end() if joins or heading in found[-1:] else end
    return found


def _headings(text: str) -> Iterator[re.Match[str]]:
    """The heading lines of a text, without those that only look like one inside a fence."""
    fence = ""
    for line in _LINE.finditer(text):
        marks = _FENCE.match(line[0])
        if marks and not fence:
            fence = marks[0].strip()
        elif fence:
            fence = "" if line[0].strip() == fence else fence
        elif (found := _HEADING.match(text, line.start())) is not None:
            yield found


def _label(number: int, title: str) -> str:
    """What the chapter is called: by its heading, if it has one, and its number, unless the heading has one."""
    if not title:
        return f"chapter {number}"
    title = one_line(title)[:_LONGEST_TITLE]
    return title if _NUMBERED.match(title) else f"chapter {number}: {title}"


def _is_left_out(element: Element) -> bool:
    return element.tag in _UNSEEN or not _CONTENTS.isdisjoint(element.get(_EPUB_TYPE, "").split())


def _tree(data: bytes) -> Element | None:
    """The elements of a chapter, without namespaces; by the rules of HTML where it is no well-formed XML."""
    declared = _ENCODING.match(data[:300])
    decoded = decode(data, declared[1].decode() if declared else "")
    text = decoded.text if not isinstance(decoded, Unread) else data.decode("utf-8", "replace")
    start = _DOCTYPE.sub("", _DECLARATION.sub("", text[:_START]), count=1)
    text = _ENTITY.sub(_character, start + text[_START:])
    try:
        root = parse_xml(text.encode("utf-8", "replace"))
    except etree.XMLSyntaxError:
        parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
        try:
            return etree.fromstring(text.encode("utf-8", "replace"), parser)
        except etree.XMLSyntaxError:
            return None
    for element in root.iter(etree.Element):
        element.tag = element.tag.rpartition("}")[2].lower()
    return root


def _character(match: re.Match[str]) -> str:
    return match[0] if match[1] in _XML_ENTITIES else html.unescape(match[0])
