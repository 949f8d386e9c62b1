"""What the Office Open XML formats have in common: parts that name each other by relationships, and properties."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from typing import Any

from rag.corpus.readers.office.package import MOST_XML, Element, Package, parse_xml
from rag.datatypes import Metadata

R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_RELATIONSHIP = "{http://schemas.openxmlformats.org/package/2006/relationships}Relationship"
# The strict form of the standard has names of its own for the same elements.
_STRICT = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/")
_PROPERTIES = {
    "title": "title",
    "creator": "author",
    "subject": "subject",
    "keywords": "keywords",
    "category": "category",
    "description": "description",
    "language": "language",
}
_GENERATED = (
    "description automatically generated",
    "description generated with",
    "ai-generated content may be",
)
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".emf", ".wmf", ".bmp", ".tif", ".tiff")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True, slots=True)
class Part:
    """A part's root element and what it names: relationship id → (last word of its type, the other part's name)."""

    name: str
    root: Element
    related: dict[str, tuple[str, str]]

    def of_type(self, kind: str) -> list[str]:
        """The names of the related parts of one kind, such as "footnotes"."""
        return [target for each, target in self.related.values() if each == kind]


def main_part(package: Package) -> Part:
    """The part that the package is about. Raises KeyError where there is none."""
    found = next((target for kind, target in related(package, "").values() if kind == "officeDocument"), "")
    return part(package, found)


def part(package: Package, name: str) -> Part:
    """One part with its relationships. Raises KeyError where there is none."""
    return Part(name, _root(package, name), related(package, name))


def parts_of_type(package: Package, owner: Part, kind: str) -> list[Part]:
    """The related parts of one kind that are there."""
    return [part(package, name) for name in owner.of_type(kind) if name in package]


def properties(package: Package) -> Metadata:
    """What the core properties say: title, author, date (of the last change), and the like."""
    name = next((target for kind, target in related(package, "").values() if kind == "core-properties"), "")
    if name not in package:
        return ()
    said = {_local(each): " ".join((each.text or "").split()) for each in _root(package, name)}
    found = [(key, said[name]) for name, key in _PROPERTIES.items() if said.get(name)]
    date = _DATE.match(said.get("modified") or said.get("created") or "")
    return (*found, *([("date", date[0])] if date else []))


def title_of(metadata: Metadata) -> str:
    """The title among a file's metadata; "" where there is none, or the one that PowerPoint gives."""
    title = dict(metadata).get("title", "")
    return "" if title.casefold().startswith("powerpoint") else title


def described(text: str) -> str:
    """A picture's description in one line, where a person wrote it; "" for a file's name."""
    line = " ".join(text.replace("[", "(").replace("]", ")").split())
    for mark in _GENERATED:
        line = line[: line.lower().index(mark)].rstrip(" ,") if mark in line.lower() else line
    is_name = " " not in line and posixpath.splitext(line)[1].lower() in _PICTURES
    return "" if is_name or not any(map(str.isalpha, line)) else line


def _local(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _root(package: Package, name: str) -> Element:
    data = package.read(name, MOST_XML)
    return parse_xml(_STRICT.sub(_transitional, data) if b"purl.oclc.org/ooxml" in data else data)


def _transitional(match: re.Match[bytes]) -> bytes:
    return b"http://schemas.openxmlformats.org/" + match[1] + b"/2006/"


def related(package: Package, name: str) -> dict[str, tuple[str, str]]:
    """The relationships of a part ("" for the package) that lead to other parts in it."""
    folder, _, own = name.rpartition("/")
    listed = f"{folder}/_rels/{own}.rels" if folder else f"_rels/{own}.rels"
    if listed not in package:
        return {}
    return {
        each.get("Id", ""): (each.get("Type", "").rpartition("/")[2], _target(folder, each.get("Target", "")))
        for each in package.xml(listed).iter(_RELATIONSHIP)
        if each.get("TargetMode") != "External"
    }


def _target(folder: str, target: str) -> str:
    path = target if target.startswith("/") else f"/{folder}/{target}"
    return posixpath.normpath(path).lstrip("/")
