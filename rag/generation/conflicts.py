"""Evidence that contradicts evidence: kept and shown, the newest first, never blended.

a quote ─the same thing of the same subject elsewhere, with another value→ its rivals
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from rag.datatypes import Hit
from rag.generation.evidence import Evidence
from rag.generation.mentions import identifiers, names
from rag.generation.polarity import is_negated
from rag.generation.readable import cells
from rag.generation.units import Unit, units
from rag.text.fold import fold
from rag.text.names import name_words
from rag.text.numbers import Quantity, borne_out, quantities, without_quantities
from rag.text.terms import content_words, terms

SAME = 0.6
"""Share of the words of the shorter of two sentences, numbers aside, that both have if they are about the same."""
SAME_TITLE = 0.6
"""The same of the titles of two editions of one text."""
NEARLY_ALL = 0.75
"""The same of the longer of two sentences of which one is negated."""
FEWEST = 2
"""Words that two sentences share at least."""
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")
_NUMBER = re.compile(r"\d+")


@dataclass(frozen=True)
class Said:
    """What a unit of evidence says: the evidence, its words without numbers, its quantities."""

    evidence: Evidence

    @property
    def unit(self) -> Unit:
        return self.evidence.unit

    @cached_property
    def words(self) -> frozenset[str]:
        return _words(self.unit.text)

    @cached_property
    def title(self) -> str:
        return self.unit.title

    @cached_property
    def called(self) -> frozenset[str]:
        """The words by which the question names its document, without numbers."""
        return frozenset(word for word in name_words(f"{self.evidence.hit.called}/") if not word.isdigit())

    @cached_property
    def quantities(self) -> list[Quantity]:
        return quantities(self.unit.text)

    @cached_property
    def name(self) -> str:
        """What a row is called: its first cell, folded."""
        return fold(cells(self.unit.text)[0])

    @cached_property
    def columns(self) -> dict[str, str]:
        """A row's other cells by the name of their column, folded; none where its table's header is not known."""
        values, names = cells(self.unit.text), cells(self.unit.header)
        return dict(zip(map(fold, names[1:]), values[1:], strict=True)) if len(names) == len(values) else {}

    @cached_property
    def held(self) -> frozenset[str]:
        """The words of the unit, its headings and its table's header."""
        return _words(self.unit.grounds).union(terms(self.evidence.hit.called))  # penrose/agreement is two words

    @cached_property
    def year(self) -> str:
        return dated(self.evidence.hit)[:4]

    @cached_property
    def is_negated(self) -> bool:
        return is_negated(self.unit.text)


def disputes(question: str, chosen: Sequence[Evidence], ranked: Sequence[Evidence]) -> list[tuple[Evidence, ...]]:
    """For each quote that others contradict: it and what contradicts it, newest first as far as dates are known.

    Looked at are the editions that a quote's hit stands for and the other evidence; of each source one unit counts.
    """
    asked = [set(forms) for forms in content_words(question)]
    others = [Said(each) for each in ranked]
    found: list[tuple[Evidence, ...]] = []
    for quote in chosen:
        if any(quote in dispute for dispute in found):
            continue
        rivals = _rivals(Said(quote), [*_of_editions(quote), *others], asked)
        if rivals:
            found.append(tuple(sorted([quote, *rivals], key=lambda each: dated(each.hit), reverse=True)))
    return found


def newest_first(
    question: str, chosen: Sequence[Evidence], found: Sequence[tuple[Evidence, ...]], most: int
) -> list[Evidence]:
    """The quotes, `most` of them, what is newest in front of what it disputes, unless the question names its year."""
    ordered: list[Evidence] = []
    for quote in chosen:
        newest = next((dispute[0] for dispute in found if quote in dispute), quote)
        ordered += [newest, quote] if _stands_for(Said(newest), Said(quote), question) else [quote]
    return list(dict.fromkeys(ordered))[:most]


def says(one: Evidence, others: Sequence[Evidence]) -> str:
    """What a side says that the others do not: "12 weeks", or the whole of it where a number alone would not tell."""
    own = Said(one)
    told = dict.fromkeys(mine for other in others for mine, _ in _differing(own, Said(other)))
    plain = all(quantity.kind == "number" and quantity.units for quantity in told)
    return ", ".join(quantity.surface for quantity in told) if told and plain else one.unit.shown


def dated(hit: Hit) -> str:
    """When a hit's text is of: its document's date, else the last year in its title or file name; "" if none."""
    if hit.date:
        return hit.date
    title = hit.chunk.heading[0] if hit.chunk.heading else ""
    years = _YEAR.findall(title) or _YEAR.findall(PurePosixPath(hit.source).stem)
    return max(years, default="")


def _rivals(own: Said, others: Sequence[Said], asked: Sequence[set[str]]) -> list[Evidence]:
    found: dict[str, Evidence] = {}
    for other in others:
        source = other.evidence.hit.source
        if source != own.evidence.hit.source and source not in found and _contradict(own, other, asked):
            found[source] = other.evidence
    return list(found.values())


def _stands_for(newest: Said, quote: Said, question: str) -> bool:
    """Whether the newest may be quoted first: an edition of the same text, and nothing the question names is lost."""
    if not _are_editions(newest, quote) or (quote.year and quote.year in question):
        return False
    asked = _marks(question)
    return not (asked & _marks(quote.unit.grounds)) - _marks(newest.unit.grounds)


def _of_editions(quote: Evidence) -> list[Said]:
    """The units of the texts that the quote's hit stands for."""
    return [Said(Evidence(unit, 0.0)) for unit in units(quote.hit.alike)]


def _contradict(one: Said, other: Said, asked: Sequence[set[str]]) -> bool:
    if _are_rows(one, other) and (one.name != other.name or not any(_cells(one, other))):
        return False
    shared = len(one.words & other.words)
    if shared < FEWEST or shared < SAME * min(len(one.words), len(other.words)):
        return False
    if not _same_subject(one, other, asked):
        return False
    turned = one.is_negated != other.is_negated and shared >= NEARLY_ALL * max(len(one.words), len(other.words))
    return turned or any(_differing(one, other))


def _same_subject(one: Said, other: Said, asked: Sequence[set[str]]) -> bool:
    """Whether they are of editions of one text, or hold the same of what the question is about."""
    if _are_editions(one, other):
        return True
    of_one, of_other = ([bool(said.held & forms) for forms in asked] for said in (one, other))
    return sum(of_one) >= FEWEST and of_one == of_other


def _are_editions(one: Said, other: Said) -> bool:
    """Whether the titles are nearly the same, unless each names something of its own: a machine, a person, a month.

    Where the question calls one what it does not call the other, they are not: agreements of two customers.
    """
    if one.called != other.called:
        return False
    mine, theirs = _words(one.title), _words(other.title)
    shared = len(mine & theirs)
    if not shared or shared < SAME_TITLE * max(len(mine), len(theirs)):
        return False
    named, others = _marks(one.title), _marks(other.title)
    return not (named - others and others - named)


def _marks(text: str) -> frozenset[str]:
    """What a text names: identifiers, names, days and months, and numbers that are no years."""
    numbers = (number for number in _NUMBER.findall(text) if not _YEAR.fullmatch(number))
    days = (reading[4:] for each in quantities(text) if each.kind == "date" for reading in each.readings)
    return frozenset([*identifiers(text), *names(text), *numbers, *days])


def _differing(one: Said, other: Said) -> Iterator[tuple[Quantity, Quantity]]:
    """Pairs of quantities of one sort that the other does not bear out; the year that a text is of does not count.

    Two rows are compared cell by cell, where their tables have columns of one name.
    """
    for of_one, of_other in _compared(one, other):
        for mine in of_one:
            for theirs in of_other:
                alike = mine.kind == theirs.kind and mine.units == theirs.units
                editions = one.year in mine.parts and other.year in theirs.parts
                borne = borne_out(mine, of_other) or borne_out(theirs, of_one)
                if alike and not editions and not borne:
                    yield mine, theirs


def _compared(one: Said, other: Said) -> Iterator[tuple[list[Quantity], list[Quantity]]]:
    """The quantities of both that may contradict each other."""
    if not _are_rows(one, other):
        yield one.quantities, other.quantities
        return
    for mine, theirs in _cells(one, other):
        yield quantities(mine), quantities(theirs)


def _cells(one: Said, other: Said) -> Iterator[tuple[str, str]]:
    """The cells of two rows in columns of one name; in editions of one text a name may have grown: «standard, new»."""
    grown = _are_editions(one, other)
    for column, cell in one.columns.items():
        names = [each for each in other.columns if grown and column and each and (column in each or each in column)]
        if column in other.columns:
            yield cell, other.columns[column]
        elif len(names) == 1:
            yield cell, other.columns[names[0]]


def _are_rows(one: Said, other: Said) -> bool:
    return one.unit.kind == other.unit.kind == "row"


def _words(text: str) -> frozenset[str]:
    return frozenset(forms[0] for forms in content_words(without_quantities(text)))
