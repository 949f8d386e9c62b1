"""A summary of whole documents, each sentence with the characters that bear it out.

    units ─the few that say most→ quotes                                          the floor
    units ─in parts─ a model, verified→ what it stood on ─a model, verified→ prose   map and reduce

What one round of a model passes to the next is not its sentences but the evidence that bore them out: a summary of
summaries could be checked against summaries alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rag.datatypes import Answer, Hit, Template
from rag.generation.draft import Draft
from rag.generation.evidence import Evidence, unsuspicious
from rag.generation.generator import Generator, grounds_of
from rag.generation.prompt import Prompt, build
from rag.generation.salience import salient
from rag.generation.templates import filled
from rag.generation.units import Unit, units
from rag.generation.verify import verify

SENTENCES = 5
LANGUAGE_SAMPLE = 2000
"""Characters by which the language of the documents is told."""
MARKS = 24
"""Tokens that an excerpt may cost beside its text."""
NOTHING = "There is no text to summarise."


def summarize(hits: Sequence[Hit], generator: Generator, *, sentences: int = SENTENCES) -> Answer:
    """The summary of the documents whose chunks, all of them and in order, are the `hits`; its `question` is "".

    Prose where the generator writes prose, else (and where nothing of it is borne out) quotes, in the documents' order.
    `completeness` says how much was read and chosen, `omitted` holds what did not fit. Raises ValueError for less than
    one sentence.
    """
    if sentences < 1:
        raise ValueError(f"sentences={sentences}: a summary has one at least")
    draft = Draft("", (), unsupported=generator.unsupported, most=sentences)
    draft.look_over(hits)
    every = units(hits)
    found = [unit for unit in every if unit.kind != "code"] or every
    if not found:
        return replace(draft.abstained(), text=NOTHING)
    read = [Evidence(unit, 1.0) for unit in found]
    if generator.writes_prose:
        read = unsuspicious(read, draft.suspicious)
        with draft.timed("generate"):
            _write(draft, read, generator)
    if not draft.sentences:
        read, draft.omitted = [Evidence(unit, 1.0) for unit in found], ()
        with draft.timed("select"):
            draft.quote([read[place] for place in salient(found, sentences)])
    left_out = _left_out(len(every) - len(found), len(found) - len(read))
    draft.completeness = _completeness(draft, found, len(read)) + left_out
    return draft.answered()


def _completeness(draft: Draft, found: Sequence[Unit], considered: int) -> str:
    documents = len({unit.hit.chunk.document for unit in found})
    cited = len({citation.document for citation in draft.citations})
    made = f"{len(draft.sentences)} of" if draft.mode == "quotes" else f"{len(draft.sentences)} written from"
    read = f"{considered - len(draft.omitted)} sentences, rows and items"
    return f"{made} {read}; documents cited: {cited} of {documents}."


def _left_out(code: int, withheld: int) -> str:
    parts = {"pieces of code": code, "sentences that may address a machine": withheld}
    told = ", ".join(f"{what} {count}" for what, count in parts.items() if count)
    return f" Left out: {told}." if told else ""


# ---------------------------------------------------------------- prose: map and reduce


def _write(draft: Draft, evidence: Sequence[Evidence], generator: Generator) -> None:
    template = _template(generator.templates["summarise"], draft.most)
    dropped: list[str] = []
    last = _reduced(draft, evidence, generator, template, dropped)
    grounds = grounds_of(last.evidence)
    generator.listen(draft, last, template, lambda text: draft.take(text, grounds, last.evidence))
    draft.dropped[:0] = dropped


def _reduced(
    draft: Draft, evidence: Sequence[Evidence], generator: Generator, template: Template, dropped: list[str]
) -> Prompt:
    """The one prompt that is left after as many rounds as it takes; if a round makes nothing less, its first."""
    sample = " ".join(each.text for each in evidence[:50])[:LANGUAGE_SAMPLE]
    while True:
        parts = list(_parts(evidence, sample, generator, template))
        draft.omitted += tuple(each.text for part in parts for each in part.omitted)
        if len(parts) == 1:
            return parts[0]
        kept = [each for part in parts for each in _borne_out(draft, part, generator, template, dropped)]
        if len(kept) == len(evidence):
            draft.omitted += tuple(each.text for part in parts[1:] for each in part.evidence)
            return parts[0]
        evidence = kept


def _template(template: Template, sentences: int) -> Template:
    return replace(template, user=filled(template.user, {"sentences": str(sentences)}))


def _parts(evidence: Sequence[Evidence], sample: str, generator: Generator, template: Template) -> Iterator[Prompt]:
    """The evidence in its order, as much in each prompt as half of the model's context holds."""
    model, most = generator.model, generator.sampling.max_tokens
    room = model.context_tokens // 2 - model.count_tokens(template.system + template.user)
    part: list[Evidence] = []
    used = 0
    for each in evidence:
        cost = model.count_tokens(f"{each.unit.context}: {each.unit.shown}") + MARKS
        if part and used + cost > room:
            yield build(sample, part, model, template, max_tokens=most)
            part, used = [], 0
        part.append(each)
        used += cost
    yield build(sample, part, model, template, max_tokens=most)


def _borne_out(
    draft: Draft, part: Prompt, generator: Generator, template: Template, dropped: list[str]
) -> list[Evidence]:
    """What the verified sentences of a part's summary stand on, in the part's order; the others are dropped."""
    grounds, numbers = grounds_of(part.evidence), set[int]()
    borne_out = 0

    def take(text: str) -> bool:
        nonlocal borne_out
        verdict = verify(text, grounds)
        if verdict.supported:
            borne_out += 1
            numbers.update(verdict.evidence)
        else:
            dropped.append(text)
        return borne_out < draft.most

    generator.listen(draft, part, template, take)
    return [part.evidence[number - 1] for number in sorted(numbers)]
