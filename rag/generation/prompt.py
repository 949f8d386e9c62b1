"""The one prompt: a template with numbered, fenced evidence. `rag ask --show-prompt` prints it as it is sent."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rag.datatypes import Message, Template
from rag.generation.evidence import Evidence
from rag.generation.fence import fenced, neutral
from rag.generation.phrases import language_name
from rag.generation.templates import conversation
from rag.protocols import LanguageModel

MOST_SKIPPED = 3
"""Units too long for a prompt that are passed over for what comes after them."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is sent: `evidence` stands in it, numbered from 1; `omitted` did not fit."""

    messages: tuple[Message, ...]
    evidence: tuple[Evidence, ...]
    omitted: tuple[Evidence, ...]
    max_tokens: int


def build(
    question: str,
    evidence: Sequence[Evidence],
    model: LanguageModel,
    template: Template,
    *,
    max_tokens: int,
    turns: Sequence[Message] = (),
    about: str = "",
) -> Prompt:
    """The prompt with as much of the evidence, in its order, as the model's context holds beside the answer.

    `max_tokens` are left for that, a quarter of the context where that is less. Of a conversation's `turns` the newest
    stay, as many as leave half of the context to the rest. With no evidence in the prompt there is nothing to ask: the
    question alone fills the context. `about` stands in the place of a question that only tells the language.
    """
    max_tokens = min(max_tokens, model.context_tokens // 4)
    room = model.context_tokens - max_tokens
    kept = _newest([Message(turn.role, neutral(turn.content)) for turn in turns], model, room // 2)
    asked = " ".join((about or question).split())

    def messages(chosen: Sequence[Evidence]) -> tuple[Message, ...]:
        excerpts = "\n".join(fenced([_headed(each) for each in chosen], question))
        values = {"excerpts": excerpts, "question": asked, "language": language_name(question)}
        return conversation(template, values, kept)

    def fits(chosen: Sequence[Evidence]) -> bool:
        return model.count_tokens(model.render(messages(chosen))) <= room

    fitting, omitted = _fitting(evidence, fits)
    return Prompt(messages(fitting), fitting, omitted, max_tokens)


def _fitting(
    evidence: Sequence[Evidence], fits: Callable[[Sequence[Evidence]], bool]
) -> tuple[tuple[Evidence, ...], tuple[Evidence, ...]]:
    """What fits together, and what does not; found by halving, as a server may have to be asked for each count."""
    fitting: tuple[Evidence, ...] = ()
    omitted: tuple[Evidence, ...] = ()
    rest = tuple(evidence)
    while rest and len(omitted) < MOST_SKIPPED:
        count = _behind(fitting, rest, fits)
        fitting += rest[:count]
        omitted += rest[count : count + 1]
        rest = rest[count + 1 :]
    return fitting, (*omitted, *rest)


def _behind(fitting: Sequence[Evidence], rest: Sequence[Evidence], fits: Callable[[Sequence[Evidence]], bool]) -> int:
    """How many of the rest fit behind what is there already."""
    if fits([*fitting, *rest]):
        return len(rest)
    return bisect(range(1, len(rest)), False, key=lambda count: not fits([*fitting, *rest[:count]]))


def _newest(turns: Sequence[Message], model: LanguageModel, room: int) -> tuple[Message, ...]:
    """The last turns that take at most `room` tokens, from one of the user's on: many templates render no others."""
    kept: Sequence[Message] = ()
    for at in reversed(range(len(turns))):
        if turns[at].role == "user":
            if model.count_tokens(model.render(turns[at:])) > room:
                break
            kept = turns[at:]
    return tuple(kept)


def _headed(evidence: Evidence) -> str:
    """An excerpt with its heading."""
    unit = evidence.unit
    return f"{unit.context}: {unit.shown}" if unit.context else unit.shown
