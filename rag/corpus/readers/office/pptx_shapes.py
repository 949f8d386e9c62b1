"""The shapes of a slide in the order in which they are read: from top to bottom, in a row from left to right."""

from __future__ import annotations

from collections.abc import Sequence

from rag.corpus.readers.office.ooxml import MC
from rag.corpus.readers.office.package import Element
from rag.corpus.readers.office.pptx_text import A
from rag.corpus.readers.places import reading_order

P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_SHAPES = tuple(f"{P}{name}" for name in ("sp", "pic", "graphicFrame", "cxnSp"))
_GROUP = f"{P}grpSp"
_ROW = 285_750
"""A 24th of a slide's usual height: shapes whose tops are no further apart stand in one row."""
_DEEPEST = 100
_MOST_PLACEHOLDERS = 200


class Placeholders:
    """What a layout and its master lend to the placeholders of a slide: looked up in that order."""

    def __init__(self, roots: Sequence[Element]) -> None:
        lent = ([shape for shape in root.iter(f"{P}sp") if _placeholder(shape) is not None] for root in roots)
        self.shapes = [[(each, _index(each), _kind(each)) for each in shapes[:_MOST_PLACEHOLDERS]] for shapes in lent]

    def of(self, shape: Element) -> list[Element]:
        """The shapes that a placeholder is modelled on, the nearest first; none for another shape."""
        own = _placeholder(shape)
        if own is None:
            return []
        kind, found = own.get("type", "obj"), []
        for depth, shapes in enumerate(self.shapes):
            same = (entry for entry in shapes if depth == 0 and entry[1] == own.get("idx", "0"))
            like = next(same, None) or next((entry for entry in shapes if _alike(entry[2], kind)), None)
            if like is not None:
                found.append(like[0])
                kind = like[2]
        return found


def ordered(slide: Element, lent: Placeholders) -> list[Element]:
    """Every shape of a slide that can say something, those in groups included; a group is read as one."""
    tree = next(slide.iter(f"{P}spTree"), None)
    return _read(tree, lent, 0) if tree is not None else []


def is_placeholder(shape: Element, *kinds: str) -> bool:
    """Whether this is a placeholder of one of these kinds."""
    own = _placeholder(shape)
    return own is not None and own.get("type", "obj") in kinds


def name_of(shape: Element) -> Element:
    """The element with a shape's name and description; the shape itself where it has none."""
    return next(shape.iter(f"{P}cNvPr"), shape)


def _read(tree: Element, lent: Placeholders, depth: int) -> list[Element]:
    """The shapes of a tree or group in reading order."""
    children = [each for child in tree for each in _chosen(child)]
    found: list[Element] = []
    for index in reading_order([_place(shape, lent) for shape in children], _ROW):
        shape = children[index]
        if shape.tag != _GROUP:
            found.append(shape)
        elif depth < _DEEPEST:
            found.extend(_read(shape, lent, depth + 1))
    return found


def _chosen(child: Element) -> list[Element]:
    """The shape itself; of two forms of one, the newer, where it has a shape that is known."""
    if child.tag in _SHAPES or child.tag == _GROUP:
        return [child]
    if child.tag != f"{MC}AlternateContent":
        return []
    for form in child.iterchildren(f"{MC}Choice", f"{MC}Fallback"):
        shapes = [each for each in form if each.tag in _SHAPES or each.tag == _GROUP]
        if shapes:
            return shapes
    return []


def _place(shape: Element, lent: Placeholders) -> tuple[int, int]:
    """Top and left; a placeholder without them stands where its layout puts it."""
    for each in (shape, *lent.of(shape)):
        offset = _offset(each)
        if offset is not None:
            return _number(offset.get("y")), _number(offset.get("x"))
    return 0, 0


def _offset(shape: Element) -> Element | None:
    for name in (f"{P}spPr/{A}xfrm", f"{P}grpSpPr/{A}xfrm", f"{P}xfrm"):
        frame = shape.find(name)
        if frame is not None:
            return frame.find(f"{A}off")
    return None


def _number(value: str | None) -> int:
    digits = (value or "").removeprefix("-")
    return int(value or 0) if digits.isascii() and digits.isdigit() and len(digits) < 12 else 0


def _placeholder(shape: Element) -> Element | None:
    return next((each.find(f"{P}nvPr/{P}ph") for each in shape if str(each.tag).startswith(f"{P}nv")), None)


def _index(shape: Element) -> str:
    own = _placeholder(shape)
    return str(own.get("idx", "0")) if own is not None else ""


def _kind(shape: Element) -> str:
    own = _placeholder(shape)
    return str(own.get("type", "obj")) if own is not None else ""


def _alike(kind: str, other: str) -> bool:
    """Whether one kind of placeholder is modelled on the other."""
    like = {"ctrTitle": "title", "subTitle": "body", "obj": "body", "tbl": "body", "chart": "body", "pic": "body"}
    return like.get(kind, kind) == like.get(other, other)
