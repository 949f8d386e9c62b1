"""Formulas of Office files (OMML) and of MathML → a line of text that reads as the same formula.

(x+1)/(y+2)    10^-4    x_1    √(a+b)    ∑_(i=0)^n i    |x|
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

Element = Any  # lxml has no types

_ATOM = re.compile(r"[-−+]?(?:[\d.,]+|[^\W\d_]\w*|∞)?[′']*|\([^()]*\)|.")
_INVISIBLE = re.compile("[\u2062-\u2064]|\u2061(?=\\()")
_APPLIED = "\u2061"
"""Between the name of a function and what it is applied to."""
_BETWEEN = frozenset("=<>≠≤≥≈≡∼≅+-−±∓×·⋅÷∗→⇒⇔↔←∈∉⊂⊆∪∩∧∨∣")
"""Operators that stand apart from what they join."""
_INDEX = re.compile(r"\d{1,3}")
_FENCES = {"begChr": "(", "sepChr": "|", "endChr": ")"}


def linear(element: Element) -> str:
    """The formula of an `oMath` or a `math` element in one line; of one nested beyond all reading the signs alone."""
    try:
        said = _said(element)
    except RecursionError:
        said = "".join(element.itertext())
    return " ".join(_INVISIBLE.sub("", said).replace(_APPLIED, " ").split())


def _said(element: Element) -> str:
    name = _name(element)
    if name in _TOKENS:
        text = "".join(element.itertext())
        return text if name in ("t", "mtext") else text.strip()
    if name in _SILENT or name.endswith("Pr"):
        return ""
    parts = [each for each in element if isinstance(each.tag, str) and not _name(each).endswith("Pr")]
    return _WRITTEN[name](element, parts) if name in _WRITTEN else _row(element, parts)


def _name(element: Element) -> str:
    return str(element.tag).rpartition("}")[2]


def _row(element: Element, parts: Sequence[Element]) -> str:
    """What follows each other; an operator of MathML stands apart from what it joins."""
    said = [_said(each) for each in parts]
    for at in range(1, len(said) - 1):
        if _name(parts[at]) == "mo" and said[at] in _BETWEEN and said[at - 1] not in _BETWEEN:
            said[at] = f" {said[at]} "
    tails = ((each.tail or "").strip() for each in parts)
    loose = (text for pair in zip(said, tails, strict=True) for text in pair)
    return "".join([(element.text or "").strip(), *loose])


def _grouped(text: str) -> str:
    return text if _ATOM.fullmatch(text) else f"({text})"


def _below(text: str) -> str:
    return f"_{_grouped(text)}" if text else ""


def _above(text: str) -> str:
    return f"^{_grouped(text)}" if text else ""


def _part(element: Element, name: str) -> str:
    """What the first child of that name says."""
    return next((_said(each) for each in element if _name(each) == name), "")


def _property(element: Element, name: str, default: str) -> str:
    """The sign that is set for a part of an OMML element."""
    for properties in element:
        for each in properties if _name(properties).endswith("Pr") else ():
            if _name(each) == name:
                return next(iter(each.attrib.values()), "")
    return default


def _at(parts: Sequence[Element], place: int) -> str:
    return _said(parts[place]) if place < len(parts) else ""


def _index(text: str) -> str:
    """A number is written to its letter, as people type it."""
    return text if _INDEX.fullmatch(text) else _below(text)


def _fraction(above: str, below: str) -> str:
    return f"{_grouped(above)}/{_grouped(below)}"


def _root(radicand: str, degree: str) -> str:
    return f"{degree and f'[{degree}]'}√({radicand})"


def _fenced(element: Element, parts: Sequence[Element]) -> str:
    begin, apart, end = (_property(element, name, default) for name, default in _FENCES.items())
    return f"{begin}{apart.join(map(_said, parts))}{end}"


def _matrix(_: Element, parts: Sequence[Element]) -> str:
    return (
        "[" + "; ".join(", ".join(_said(cell) for cell in row if not _name(cell).endswith("Pr")) for row in parts) + "]"
    )


Written = Callable[[Element, Sequence[Element]], str]
_WRITTEN: dict[str, Written] = {
    # OMML: ISO/IEC 29500-1, 22.1
    "f": lambda e, _: _fraction(_part(e, "num"), _part(e, "den")),
    "sSup": lambda e, _: _part(e, "e") + _above(_part(e, "sup")),
    "sSub": lambda e, _: _part(e, "e") + _index(_part(e, "sub")),
    "sSubSup": lambda e, _: _part(e, "e") + _index(_part(e, "sub")) + _above(_part(e, "sup")),
    "rad": lambda e, _: _root(_part(e, "e"), _part(e, "deg")),
    "nary": lambda e, _: (
        f"{_property(e, 'chr', '∫')}{_below(_part(e, 'sub'))}{_above(_part(e, 'sup'))} {_part(e, 'e')}"
    ),
    "func": lambda e, _: f"{_part(e, 'fName')} {_part(e, 'e')}",
    "limLow": lambda e, _: _part(e, "e") + _below(_part(e, "lim")),
    "limUpp": lambda e, _: _part(e, "e") + _above(_part(e, "lim")),
    "d": _fenced,
    "m": _matrix,
    "eqArr": lambda _, parts: "; ".join(map(_said, parts)),
    # MathML 3
    "mfrac": lambda _, parts: _fraction(_at(parts, 0), _at(parts, 1)),
    "msup": lambda _, parts: _at(parts, 0) + _above(_at(parts, 1)),
    "msub": lambda _, parts: _at(parts, 0) + _index(_at(parts, 1)),
    "msubsup": lambda _, parts: _at(parts, 0) + _index(_at(parts, 1)) + _above(_at(parts, 2)),
    "munder": lambda _, parts: _at(parts, 0) + _below(_at(parts, 1)),
    "mover": lambda _, parts: _at(parts, 0) + _above(_at(parts, 1)),
    "munderover": lambda _, parts: f"{_at(parts, 0)}{_below(_at(parts, 1))}{_above(_at(parts, 2))} ",
    "msqrt": lambda e, parts: _root(_row(e, parts), ""),
    "mroot": lambda _, parts: _root(_at(parts, 0), _at(parts, 1)),
    "mfenced": lambda e, parts: f"{e.get('open', '(')}{', '.join(map(_said, parts))}{e.get('close', ')')}",
    "mtable": _matrix,
}
_TOKENS = {"t", "mi", "mn", "mo", "mtext", "ms"}
_SILENT = {"annotation", "annotation-xml", "mphantom", "del", "moveFrom"}
"""The same in another notation, what only takes up room, and deletions that are tracked."""
