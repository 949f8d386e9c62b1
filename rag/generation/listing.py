"""The answer to a question for all documents that have something: each with its place, and what was looked at."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

from rag.datatypes import Answer, Hit
from rag.generation.draft import Draft
from rag.generation.evidence import Evidence
from rag.generation.routing import Enumeration
from rag.generation.units import Unit, units
from rag.text.terms import terms

SHOWN = 20
"""Documents that are quoted; the others are counted."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many documents were looked at, `found` to have it, in so many `passages`; `unread` files gave no text."""

    documents: int
    unread: int
    found: int
    passages: int


@dataclass(frozen=True, slots=True)
class _Statement:
    """What is said in one language: `every` or `filtered` is the `scope` of what was `said`."""

    said: str
    every: str
    filtered: str
    shown: str
    unread: str


_STATEMENTS: dict[str, _Statement] = {
    "en": _Statement(
        "Looked for by words, together in one passage: {wanted}. Documents looked at: {documents}, {scope}. With these "
        "words: {found} (passages: {passages}). What says it in other words was not looked for.",
        every="all that there are",
        filtered="all that pass the filter",
        shown=" Shown here: {shown}.",
        unread=" Files that gave no text, not looked at: {unread}.",
    ),
    "zh": _Statement(
        "按词语查找（须在同一段落中）：{wanted}。已查看文档：{documents}份，{scope}。含有这些词语的：{found}份（{passages}个段落）。"
        "用其他说法表达的内容未查找。",
        every="即全部文档",
        filtered="即符合筛选条件的全部文档",
        shown="此处列出：{shown}份。",
        unread="没有文本、未查看的文件：{unread}个。",
    ),
    "de": _Statement(
        "Nach Wörtern gesucht, zusammen in einem Abschnitt: {wanted}. Durchgesehene Dokumente: {documents}, {scope}. "
        "Mit diesen Wörtern: {found} (Abschnitte: {passages}). Was es mit anderen Wörtern sagt, wurde nicht gesucht.",
        every="alle vorhandenen",
        filtered="alle, die der Filter zulässt",
        shown=" Hier gezeigt: {shown}.",
        unread=" Dateien ohne Text, nicht durchgesehen: {unread}.",
    ),
    "fr": _Statement(
        "Recherché par mots, ensemble dans un passage : {wanted}. Documents examinés : {documents}, {scope}. Avec ces "
        "mots : {found} (passages : {passages}). Ce qui le dit en d'autres mots n'a pas été recherché.",
        every="tous ceux qui existent",
        filtered="tous ceux qui passent le filtre",
        shown=" Montrés ici : {shown}.",
        unread=" Fichiers sans texte, non examinés : {unread}.",
    ),
    "es": _Statement(
        "Buscado por palabras, juntas en un pasaje: {wanted}. Documentos examinados: {documents}, {scope}. Con estas "
        "palabras: {found} (pasajes: {passages}). No se buscó lo que lo dice con otras palabras.",
        every="todos los que hay",
        filtered="todos los que pasan el filtro",
        shown=" Aquí se muestran: {shown}.",
        unread=" Archivos sin texto, no examinados: {unread}.",
    ),
}


def listed(draft: Draft, asked: Enumeration, counted: Counted, *, filtered: bool = False) -> Answer:
    """A quote of each of the draft's hits, one for a document, below the statement of what was looked at.

    A hit without a word to read (an image's address) is counted and not quoted. Where nothing was found the statement
    is all, and the hits are what a search finds nearest.
    """
    draft.look_over(draft.hits)
    draft.confidence = float(counted.found > 0)
    found = [unit for hit in draft.hits for unit in _telling(hit, asked.wanted)] if counted.found else []
    draft.completeness = _statement(asked, counted, len(found), filtered)
    if not found:
        return replace(draft.abstained(), text=draft.completeness)
    draft.quote([Evidence(unit, 1.0) for unit in found])
    answer = draft.answered()
    return replace(answer, text=f"{draft.completeness}\n{answer.text}")


def _statement(asked: Enumeration, counted: Counted, shown: int, filtered: bool) -> str:
    told = _STATEMENTS[asked.language]
    parts = [told.said, told.shown * (shown < counted.found), told.unread * (counted.unread > 0 and not filtered)]
    scope = told.filtered if filtered else told.every
    return "".join(parts).format(wanted=asked.wanted, scope=scope, shown=shown, **asdict(counted))


def _telling(hit: Hit, wanted: str) -> list[Unit]:
    """The unit of the hit that has most of the words, of equal ones the first; none of an image alone."""
    asked = set(terms(wanted))
    return sorted(units([hit]), key=lambda unit: -len(asked.intersection(terms(unit.text))))[:1]
