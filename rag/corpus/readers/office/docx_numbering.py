"""The numbers and bullets that Word shows in front of paragraphs and stores nowhere in their text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from rag.corpus.readers.compose import whole

Element = Any  # lxml has no types

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
DEEPEST_STYLE = 50
"""Styles of which each is based on the next one."""
_DIGITS = 9
"""Of the number that a list begins with, at most."""
_PLACE = re.compile(r"%([1-9])")
_HAN = "零一二三四五六七八九"


class Numbering:
    """Counts the numbered paragraphs of a document as they come."""

    def __init__(self, styles: list[Element], numberings: list[Element]) -> None:
        self.abstract = {each.get(f"{W}abstractNumId", ""): each for each in _each(numberings, "abstractNum")}
        self.lists = {each.get(f"{W}numId", ""): each for each in _each(numberings, "num")}
        links = ((name, _value(each.find(f"{W}styleLink"))) for name, each in self.abstract.items())
        self.styled: dict[str, str] = {style: name for name, style in links if style}
        self.styles = {style.get(f"{W}styleId", ""): style for style in _each(styles, "style")}
        self.counts: dict[str, list[int]] = {}
        self.starts: dict[str, dict[str, int]] = {}
        self.levels: dict[str, dict[str, Element]] = {}
        self.numbered: dict[str, tuple[str, str]] = {}

    def marker(self, paragraph: Element) -> tuple[str, int]:
        """What stands in front of the paragraph (`-` for a bullet, "" for nothing), and how deep it is nested."""
        identity, depth = self._numbered(paragraph)
        levels = self._levels(identity)
        level = levels.get(str(depth))
        if level is None:
            return "", 0
        counts = self.counts.setdefault(self._abstract(identity), [0] * 10)
        again = self._starts(identity, counts)
        start = again.get(str(depth), whole(_value(level.find(f"{W}start")), 1, _DIGITS))
        counts[depth] = counts[depth] + 1 if counts[depth] else start
        counts[depth + 1 :] = [0] * (9 - depth)
        style = _value(level.find(f"{W}numFmt"))
        if style in ("bullet", "none"):
            return ("-" if style == "bullet" else ""), depth
        formats = {number: _value(each.find(f"{W}numFmt")) for number, each in levels.items()}
        text = _value(level.find(f"{W}lvlText"))
        return _PLACE.sub(
            lambda m: numeral(max(1, counts[int(m[1]) - 1]), formats.get(str(int(m[1]) - 1), "")), text
        ), depth

    def _abstract(self, identity: str) -> str:
        """The definition that a list shares its counting with, behind the style that another one may point to."""
        found = self.lists.get(identity)
        name = _value(found.find(f"{W}abstractNumId")) if found is not None else ""
        link = self.abstract[name].find(f"{W}numStyleLink") if name in self.abstract else None
        return self.styled.get(_value(link), name)

    def _levels(self, identity: str) -> dict[str, Element]:
        """The levels of a list by their numbers, its own before those that it shares."""
        if identity not in self.levels:
            holders = (self.abstract.get(self._abstract(identity)), self.lists.get(identity))
            found = (each for holder in holders if holder is not None for each in holder.iter(f"{W}lvl"))
            self.levels[identity] = {each.get(f"{W}ilvl", ""): each for each in found}
        return self.levels[identity]

    def _starts(self, identity: str, counts: list[int]) -> dict[str, int]:
        """Where a list's levels begin of their own; at its first paragraph these are counted anew."""
        if identity not in self.starts:
            each = self.lists[identity].iter(f"{W}lvlOverride")
            own = ((one.get(f"{W}ilvl", ""), _value(one.find(f"{W}startOverride"))) for one in each)
            self.starts[identity] = {level: whole(start, 1, _DIGITS) for level, start in own if start}
            for level in self.starts[identity].keys() & set("012345678"):
                counts[int(level)] = 0
        return self.starts[identity]

    def _numbered(self, paragraph: Element) -> tuple[str, int]:
        """The list and the level of a paragraph: its own, else those of its style or of what that is based on."""
        properties = paragraph.find(f"{W}pPr")
        identity, depth = _numbers(properties)
        if not identity and properties is not None:
            style = _value(properties.find(f"{W}pStyle"))
            if style not in self.numbered:
                self.numbered[style] = self._of_style(style)
            identity, lent = self.numbered[style]
            depth = depth or lent
        return identity, int(depth) if depth in tuple("012345678") else 0

    def _of_style(self, style: str) -> tuple[str, str]:
        identity, depth, seen = "", "", set[str]()
        while style in self.styles and style not in seen and not identity and len(seen) <= DEEPEST_STYLE:
            seen.add(style)
            identity, own = _numbers(self.styles[style].find(f"{W}pPr"))
            levels = self._levels(identity).items() if identity else ()
            linked = (number for number, each in levels if _value(each.find(f"{W}pStyle")) == style)
            depth = depth or next(linked, own)
            style = _value(self.styles[style].find(f"{W}basedOn"))
        return identity, depth


def _numbers(properties: Element) -> tuple[str, str]:
    """The list and the level that the properties of a paragraph or a style name; "" for what they don't."""
    numbers = properties.find(f"{W}numPr") if properties is not None else None
    return (_value(numbers.find(f"{W}numId")), _value(numbers.find(f"{W}ilvl"))) if numbers is not None else ("", "")


def _each(roots: list[Element], name: str) -> Iterator[Element]:
    return (element for root in roots for element in root.iter(f"{W}{name}"))


def _value(element: Element) -> str:
    return element.get(f"{W}val", "") if element is not None else ""


def numeral(number: int, style: str) -> str:
    """A number as a list of that style writes it, such as `xiv` for `lowerRoman`."""
    return _STYLES.get(style, str)(number)


def _letters(number: int) -> str:
    return chr(ord("a") + (number - 1) % 26) * min(1 + (number - 1) // 26, 5)


def _roman(number: int) -> str:
    text = ""
    for value, sign in (
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
    ):
        text, number = text + sign * min(number // value, 10), number % value
    for value, sign in ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")):
        text, number = text + sign * (number // value), number % value
    return text


def _han(number: int) -> str:
    if number >= 100:
        return str(number)
    tens, ones = divmod(number, 10)
    return ("" if tens == 0 else "十" if tens == 1 else f"{_HAN[tens]}十") + (_HAN[ones] if ones or not tens else "")


_STYLES: dict[str, Callable[[int], str]] = {
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "chineseCounting": _han,
    "chineseCountingThousand": _han,
    "taiwaneseCountingThousand": _han,
    "ideographDigital": _han,
    "japaneseCounting": _han,
    "decimalZero": lambda number: f"{number:02d}",
}
