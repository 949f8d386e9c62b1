"""OpenDocument (ODT, ODP, ODS, packed or as one XML file) → Markdown, by what its content is."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial

from rag.corpus.readers.office.odf_sheets import sheets_content
from rag.corpus.readers.office.odf_slides import slides_content
from rag.corpus.readers.office.odf_text import text_content
from rag.corpus.readers.office.odf_xml import META, OFFICE, Parts, child
from rag.corpus.readers.office.package import (
    DAMAGE,
    Element,
    Package,
    PackageProblem,
    converted_package,
    damaged,
    parse_xml,
)
from rag.corpus.readers.pictures.embedded import Pictures
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import Metadata, State

_DUBLIN = "{http://purl.org/dc/elements/1.1/}"
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ENCRYPTED = "{urn:oasis:names:tc:opendocument:xmlns:manifest:1.0}encryption-data"
_PROPERTIES = {
    f"{_DUBLIN}title": "title",
    f"{META}initial-creator": "author",
    f"{_DUBLIN}subject": "subject",
    f"{META}keyword": "keywords",
    f"{_DUBLIN}description": "description",
    f"{_DUBLIN}language": "language",
}
_KINDS: dict[str, Callable[[Element, Parts, Metadata], Content | Unread]] = {
    f"{OFFICE}text": text_content,
    f"{OFFICE}presentation": slides_content,
    f"{OFFICE}spreadsheet": sheets_content,
}


def parse_odf(data: bytes, _path: str, pictures: Pictures | None = None) -> Content | Unread:
    """A text, its slides or its sheets as Markdown."""
    if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return _flat(data)
    return converted_package(data, "OpenDocument", partial(_packed, pictures=pictures or Pictures()))


def _flat(data: bytes) -> Content | Unread:
    """The content of a file that is one XML text."""
    try:
        root = parse_xml(data)
        return _content(root, Parts(root, [root], None), _metadata(root))
    except PackageProblem as problem:
        return problem.outcome
    except DAMAGE as error:
        return damaged("OpenDocument", error)


def _packed(package: Package, pictures: Pictures) -> Content | Unread:
    manifest = "META-INF/manifest.xml"
    if manifest in package and next(package.xml(manifest).iter(_ENCRYPTED), None) is not None:
        return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
    root = package.xml("content.xml")
    styles = package.xml("styles.xml") if "styles.xml" in package else None
    metadata = _metadata(package.xml("meta.xml")) if "meta.xml" in package else ()
    roots = [each for each in (root, styles) if each is not None]
    return _content(root, Parts(root, roots, package, pictures), metadata)


def _content(root: Element, parts: Parts, metadata: Metadata) -> Content | Unread:
    body = next(root.iter(f"{OFFICE}body"), None)
    for each in body if body is not None else ():
        if each.tag in _KINDS:
            return _KINDS[each.tag](each, parts, metadata)
    return Unread(State.UNSUPPORTED, "is an OpenDocument file without text, slides or sheets")


def _metadata(root: Element) -> Metadata:
    """What the file says of itself; `date` is that of its last change."""
    meta = child(root, f"{OFFICE}meta")
    if meta is None:
        return ()
    said = [(each.tag, " ".join((each.text or "").split())) for each in meta]
    found = [(_PROPERTIES[tag], text) for tag, text in said if tag in _PROPERTIES and text]
    texts = dict(said)
    if not any(key == "author" for key, _ in found) and texts.get(f"{_DUBLIN}creator"):
        found.append(("author", texts[f"{_DUBLIN}creator"]))
    date = _DATE.match(texts.get(f"{_DUBLIN}date") or texts.get(f"{META}creation-date") or "")
    return (*found, *([("date", date[0])] if date else []))
