"""What several documents say on the same things: the same, in other words, something else, or only one of them.

units of each document ─align→ groups ─what differs→ lines, each with a citation from every document in it
lines that differ ─a model, verified─ prose: a clause that names one document must be borne out by that one
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

from rag.datatypes import Answer, Hit
from rag.generation.abstain import confidence, signals
from rag.generation.align import Group, align, nearest_heading
from rag.generation.draft import Draft
from rag.generation.evidence import Evidence, quotes, rank, read, unsuspicious
from rag.generation.fence import neutral
from rag.generation.generator import Generator, grounds_of
from rag.generation.mentions import identifiers, proper_names
from rag.generation.polarity import directions, is_negated
from rag.generation.prompt import build
from rag.generation.sides import borne_out_by_each, on_every_side, pairs_of, says_together
from rag.generation.units import Unit, units
from rag.generation.verify import verify
from rag.protocols import Embedder
from rag.text.numbers import borne_out, quantities
from rag.text.numbers import units as units_of_measure
from rag.text.suspicion import signs
from rag.text.terms import content_words, terms

MOST_UNITS = 2000
"""Units of a document that are compared; what is behind them is `omitted`."""
MOST_IN_ALL = 4000
"""Units of all documents together, each having the same share: every document is set against every other."""
ALIKE = 0.5
"""Words (Jaccard) that two texts share at least for a "not" in one of them to be taken for a difference."""
PROMPTED = 40
"""Units that a model is given at most."""

Kind = Literal["differs", "only", "reworded", "same"]
KINDS: tuple[Kind, ...] = ("differs", "only", "reworded", "same")
_OPPOSITES = (
    *(("up", "down"), ("before", "after"), ("all", "some"), ("allowed", "forbidden"), ("open", "shut"), ("on", "off")),
    *(("left", "right"), ("with", "without"), ("enabled", "disabled"), ("accepted", "rejected"), ("first", "last")),
)
_ITEM_NUMBER = re.compile(r"^[（(]?(?:[0-9]{1,3}|[一二三四五六七八九十]{1,3})[.)）、][ \t]*")
_HEADING_NUMBER = re.compile(r"^(?:[0-9]{1,3}[.)][ \t]+|[一二三四五六七八九十]{1,3}、)")
_SIGN = re.compile(r"[<>≤≥=≠±×÷+]")


@dataclass(frozen=True, slots=True)
class Line:
    """What the documents say on one thing.

    For each document, in their order: its `texts` (as a reader wants to see them), the numbers of its `citations`, and
    the `quantities` that it has and not every other one in the line has; all empty where it says nothing. `by` is what
    differs: "number" (or date), "negation", "direction", "name"; of texts in the same words, "sign" (< for >, + for =)
    and "heading" (the nearest above them, or their table's header).
    """

    kind: Kind
    heading: str
    texts: tuple[tuple[str, ...], ...]
    citations: tuple[tuple[int, ...], ...]
    quantities: tuple[tuple[str, ...], ...]
    by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Comparison:
    """`lines`, differences first, and the same as an `answer`, of a sentence for each line or in prose."""

    lines: tuple[Line, ...]
    answer: Answer


def compare(
    documents: Sequence[Sequence[Hit]],
    embedder: Embedder,
    generator: Generator,
    *,
    question: str = "",
    bearing: Sequence[Sequence[int]] = (),
) -> Comparison:
    """What the documents say, each given by all its chunks in order; differences first.

    With a `question`, only what bears on it: `bearing` has, for each document, where the units that do begin, the best
    first (`bearing_on`). Raises ValueError for less than two documents.
    """
    if len(documents) < 2:
        raise ValueError(f"{len(documents)} documents cannot be compared; there must be two at least")
    draft = Draft(question, (), unsupported=generator.unsupported)
    draft.look_over([hit for hits in documents for hit in hits])
    every = [units(hits) for hits in documents]
    most = min(MOST_UNITS, max(1, MOST_IN_ALL // len(every)))
    with draft.timed("align"):
        groups = align([own[:most] for own in every], embedder)
    told = [(group, _difference(group)) for group in (_asked(groups, bearing) if question else groups)]
    told.sort(key=lambda pair: KINDS.index(pair[1].kind))
    lines = tuple(_line(draft, group, difference) for group, difference in told)
    draft.omitted = tuple(unit.text for own in every for unit in own[most:])
    draft.completeness = _completeness(lines, [len(own[:most]) for own in every])
    if not lines:
        return Comparison((), draft.abstained())
    if generator.writes_prose:
        with draft.timed("generate"):
            _write(draft, [group for group, difference in told if difference.kind != "same"], generator)
    return Comparison(lines, draft.answered())


def bearing_on(question: str, hits: Sequence[Hit], generator: Generator) -> list[int]:
    """Where the units that answer a question begin, the best first; none where the hits, of one document, do not."""
    if not hits:
        return []
    readings = read(question, hits, generator.reader)
    if confidence(signals(question, hits, readings)) < generator.threshold:
        return []
    return [each.start for each in quotes(rank(question, hits, readings))]


def _asked(groups: Sequence[Group], bearing: Sequence[Sequence[int]]) -> list[Group]:
    """The groups with a unit that bears on the question; what answers it best in each document is of one thing."""
    best = [group for group in groups if _has(group, [starts[:1] for starts in bearing])]
    others = [group for group in groups if _has(group, bearing) and group not in best]
    together = [[own for own in owns if own] for owns in zip(*best, strict=True)]
    if any(len(owns) > 1 for owns in together):
        return [*best, *others]
    return [tuple(next(iter(owns), ()) for owns in together), *others] if best else others


def _has(group: Group, starts: Sequence[Sequence[int]]) -> bool:
    return any(unit.start in wanted for own, wanted in zip(group, starts, strict=True) for unit in own)


def _completeness(lines: Sequence[Line], read: Sequence[int]) -> str:
    counts = ", ".join(f"{kind}: {sum(line.kind == kind for line in lines)}" for kind in KINDS)
    return f"Sentences, rows and items compared: {' and '.join(map(str, read))}. {counts}."


# ---------------------------------------------------------------- what differs


@dataclass(frozen=True, slots=True)
class _Difference:
    kind: Kind
    quantities: tuple[tuple[str, ...], ...]
    by: tuple[str, ...] = ()


def _line(draft: Draft, group: Group, difference: _Difference) -> Line:
    """The line of a group, also as a sentence of the draft."""
    evidence = [Evidence(unit, 1.0) for own in group for unit in own]
    numbers = iter(draft.quote_together(evidence, " | "))
    return Line(
        kind=difference.kind,
        heading=evidence[0].unit.context,
        texts=tuple(tuple(unit.shown for unit in own) for own in group),
        citations=tuple(tuple(next(numbers) for _ in own) for own in group),
        quantities=difference.quantities,
        by=difference.by,
    )


def _difference(group: Group) -> _Difference:
    texts = ["\n".join(map(_bare, own)) for own in group]
    told = [text for text, own in zip(texts, group, strict=True) if own]
    if len(told) == 1:
        return _Difference("only", tuple(() for _ in texts))
    apart = tuple(_apart(text, told) if text else () for text in texts)
    near = [pair for pair in combinations(told, 2) if _alike(*pair)]
    found = {
        "number": any(apart),
        "negation": any(is_negated(one) != is_negated(other) for one, other in near),
        "direction": any(_opposed(one, other) for one, other in near),
        "name": any(_renamed(one, other) for one, other in near),
    }
    if len({tuple(terms(text)) for text in told}) == 1:
        found["sign"] = len({tuple(_SIGN.findall(text)) for text in told}) > 1
        found["heading"] = len({_above(own) for own in group if own}) > 1
    by = tuple(name for name, differs in found.items() if differs)
    alike = len({_folded(text) for text in told}) == 1
    return _Difference("differs" if by else "same" if alike else "reworded", apart, by)


def _above(own: Sequence[Unit]) -> tuple[tuple[str, str], ...]:
    """The headings and headers that units stand under, each once; of a heading not its number."""
    above = ((_HEADING_NUMBER.sub("", nearest_heading(unit)), unit.header) for unit in own)
    return tuple(dict.fromkeys((_folded(heading), _folded(header)) for heading, header in above))


def _folded(text: str) -> str:
    """The text without what only lays it out: case and white space."""
    return " ".join(text.casefold().split())


def _bare(unit: Unit) -> str:
    """What is compared: of an item not its number in the list."""
    return _ITEM_NUMBER.sub("", unit.text) if unit.kind == "item" else unit.text


def _apart(text: str, told: Sequence[str]) -> tuple[str, ...]:
    """The quantities of a text that not every text bears out, as they stand in it (folded).

    A bare one is left out: «once», «an hour», 一次 are said or not said without meaning a number.
    """
    given = [(quantities(other), units_of_measure(other)) for other in told]
    return tuple(
        dict.fromkeys(
            quantity.surface.strip(" .")
            for quantity in quantities(text)
            if (quantity.units or quantity.readings != {"1"})
            and not all(borne_out(quantity, held, named) for held, named in given)
        )
    )


def _alike(one: str, other: str) -> bool:
    mine, theirs = (frozenset(forms[0] for forms in content_words(text)) for text in (one, other))
    return len(mine & theirs) >= ALIKE * len(mine | theirs)


def _opposed(one: str, other: str) -> bool:
    """Whether one takes a direction and the other, in its place, the opposite."""
    mine, theirs = directions(one), directions(other)
    return any(mine[a] > theirs[a] and theirs[b] > mine[b] for pair in _OPPOSITES for a, b in (pair, pair[::-1]))


def _renamed(one: str, other: str) -> bool:
    """Whether each names what the other does not: an identifier or, where nouns have no capitals, a proper name."""
    mine, theirs = ({*identifiers(text), *proper_names(text)} for text in (one, other))
    return bool(mine - theirs and theirs - mine)


# ---------------------------------------------------------------- prose


def _write(draft: Draft, groups: Sequence[Group], generator: Generator) -> None:
    """Prose in the place of the draft's quotes, if any of it is borne out; the quotes' citations stay."""
    evidence = [Evidence(unit, 1.0) for group in groups for own in group for unit in own]
    sample = draft.question or " ".join(each.text for each in evidence)
    template = generator.templates["compare"]
    most = generator.sampling.max_tokens
    plain = unsuspicious(evidence, draft.suspicious)
    prompt = build(sample, plain[:PROMPTED], generator.model, template, max_tokens=most, about=_about(draft, evidence))
    before = draft.omitted
    draft.omitted += tuple(each.text for each in (*prompt.omitted, *plain[PROMPTED:]))
    grounds, pairs = grounds_of(prompt.evidence), pairs_of(groups, prompt.evidence)

    def take(text: str) -> bool:
        verdict = verify(text, grounds)
        if verdict.supported and says_together(verdict.claim, [prompt.evidence[n - 1].unit for n in verdict.evidence]):
            verdict = on_every_side(verdict, groups, grounds, prompt.evidence)
        elif not verdict.supported:
            both = next((pair for pair in pairs if borne_out_by_each(verdict.claim, *pair)), None)
            verdict = replace(verdict, supported=True, evidence=tuple(pairs[both])) if both else verdict
        return draft.judge(text, verdict, prompt.evidence)

    quoted, draft.sentences, draft.mode = draft.sentences, [], "prose"
    generator.listen(draft, prompt, template, take)
    if not draft.sentences:
        draft.sentences, draft.mode, draft.omitted = quoted, "quotes", before


def _about(draft: Draft, evidence: Sequence[Evidence]) -> str:
    """What is compared: the question, or the documents' titles, which stand in no fence: none that gives orders."""
    titles = dict.fromkeys(each.unit.title for each in evidence)
    return draft.question or " / ".join(neutral(title) for title in titles if not signs(title)) or "the documents"
