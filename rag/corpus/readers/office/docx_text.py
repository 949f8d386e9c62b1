"""What is shown of a paragraph in a DOCX file, and what hangs on it: notes, comments, text boxes, drawings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from rag.corpus.readers.formulas import linear
from rag.corpus.readers.office.ooxml import MC
from rag.corpus.readers.office.package import Element
from rag.corpus.readers.office.symbols import signs

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
M = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
FALLBACK = f"{MC}Fallback"
IMAGE = "{urn:schemas-microsoft-com:vml}imagedata"
"""A picture as older programs write it."""
_LEFT_OUT = {f"{W}{name}" for name in ("del", "moveFrom", "rPr", "pPr", "instrText", "delText", "sectPr")} | {FALLBACK}
_LEFT_OUT |= {f"{W}rt"}
"""What is not shown, and how words are pronounced."""
_AS_TEXT = {f"{W}tab": "\t", f"{W}ptab": "\t", f"{W}br": "\n", f"{W}cr": "\n", f"{W}noBreakHyphen": "\u2011"}
_REFERENCES = {f"{W}{name}": name for name in ("footnoteReference", "endnoteReference", "commentReference")}
_CODE = re.compile("[0-9A-Fa-f]{2,4}")
_PAGE_FIELDS = {"PAGE", "NUMPAGES", "SECTIONPAGES"}


@dataclass(frozen=True, slots=True)
class Aside:
    """What hangs on a paragraph: `kind` is "box", "drawing", or the name of a reference to the note `identity`."""

    kind: str
    element: Element
    identity: str = ""


def shown(paragraph: Element, asides: list[Aside], mark: Callable[[Aside], str]) -> str:
    """The text of a paragraph, without deletions, hidden runs, field codes and page numbers.

    What hangs on it is added to `asides`; `mark` says what stands in the text for it.
    """
    parts: list[str] = []
    fields: list[str] = []  # the code of each field that is open
    waiting = list(reversed(paragraph))
    while waiting:
        element = waiting.pop()
        tag = element.tag
        _follow_fields(element, fields)
        if tag in _LEFT_OUT or (tag == f"{W}r" and _is_hidden(element)) or _is_page_number(element):
            continue
        aside = _aside(element)
        if aside:
            asides.append(aside)
            parts.append(mark(aside))
            if aside.kind == "box":
                continue
        elif fields and _counts_pages(fields[-1]):
            pass
        elif tag in _SAYING:
            parts.append(_SAYING[tag](element))
        elif tag in _AS_TEXT:
            parts.append(_AS_TEXT[tag])
        elif tag == f"{M}oMath":
            parts.append(linear(element))
            continue
        elif _is_power(element, parts):
            parts.append("^")
        waiting.extend(reversed(element))
    return "".join(parts)


def deletions(body: Element) -> int:
    """How many passages and rows were deleted with their change tracked; of nested ones each counts that says more."""
    passages = {next(text.iterancestors(f"{W}del"), None) for text in body.iter(f"{W}delText")} - {None}
    rows: int = sum(change.getparent().tag == f"{W}trPr" for change in body.iter(f"{W}del"))
    return len(passages) + rows


def hidden_passages(body: Element) -> int:
    """How many runs of text are hidden, those that follow each other counted as one."""
    said = [_is_hidden(run) for run in body.iter(f"{W}r") if run.findtext(f"{W}t")]
    return sum(hidden and not before for before, hidden in pairwise([False, *said]))


def _written(element: Element) -> str:
    """The text of a run, in the font of which letters may be signs."""
    text = element.text or ""
    if not any("\uf020" <= char <= "\uf0ff" for char in text):
        return text
    fonts = element.getparent().find(f"{W}rPr/{W}rFonts")
    return signs(text, fonts.get(f"{W}ascii", "") if fonts is not None else "")


def _symbol(element: Element) -> str:
    """A sign that is told by its font and its number there."""
    code = element.get(f"{W}char", "")
    number = int(code, 16) if _CODE.fullmatch(code) else 0
    known = signs(chr(number if number > 0xFF else 0xF000 + number), element.get(f"{W}font", ""))
    return known if known.isprintable() else ""  # neither private use nor half a surrogate pair


def _chosen(field: Element) -> str:
    """What is ticked or chosen in a field of a form that begins here; "" of others."""
    box, choice = field.find(f"{W}ffData/{W}checkBox"), field.find(f"{W}ffData/{W}ddList")
    if box is not None:
        ticked = box.find(f"{W}checked")
        ticked = box.find(f"{W}default") if ticked is None else ticked
        return "☒" if ticked is not None and _is_on(ticked) else "☐"
    entries = [each.get(f"{W}val", "") for each in choice.iter(f"{W}listEntry")] if choice is not None else []
    told = choice.find(f"{W}result") if entries else None
    told = choice.find(f"{W}default") if entries and told is None else told
    number = told.get(f"{W}val", "") if told is not None else "0"
    return entries[int(number)] if number in map(str, range(len(entries))) else ""


_SAYING: dict[str, Callable[[Element], str]] = {
    f"{W}t": _written,
    f"{W}sym": _symbol,
    f"{W}fldChar": _chosen,
}


def _aside(element: Element) -> Aside | None:
    tag = element.tag
    if tag in _REFERENCES:
        return Aside(_REFERENCES[tag], element, element.get(f"{W}id", ""))
    if tag == f"{W}txbxContent":
        return Aside("box", element)
    is_drawing = str(tag).endswith(("}inline", "}anchor")) or (
        tag in (f"{W}pict", f"{W}object") and next(element.iter(IMAGE), None) is not None
    )
    return Aside("drawing", element) if is_drawing else None


def _follow_fields(element: Element, fields: list[str]) -> None:
    """Open and close the fields that begin and end in a run, and collect their codes."""
    if element.tag == f"{W}fldChar":
        kind = element.get(f"{W}fldCharType")
        if kind == "begin":
            fields.append("")
        elif kind == "end" and fields:
            fields.pop()
    elif element.tag == f"{W}instrText" and fields:
        fields[-1] = (fields[-1] + (element.text or ""))[:100]


def _counts_pages(code: str) -> bool:
    return code.split()[:1] != [] and code.split()[0].upper() in _PAGE_FIELDS


def _is_page_number(element: Element) -> bool:
    return element.tag == f"{W}fldSimple" and _counts_pages(element.get(f"{W}instr", ""))


def _is_power(element: Element, parts: list[str]) -> bool:
    """Whether this is a raised run behind a digit."""
    place = element.find(f"{W}rPr/{W}vertAlign") if element.tag == f"{W}r" else None
    return place is not None and place.get(f"{W}val") == "superscript" and "".join(parts[-1:])[-1:].isdigit()


def _is_hidden(run: Element) -> bool:
    hidden = run.find(f"{W}rPr/{W}vanish")
    return hidden is not None and _is_on(hidden)


def _is_on(element: Element) -> bool:
    return element.get(f"{W}val", "true") not in ("0", "false", "off")
