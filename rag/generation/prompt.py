"""The one prompt: a template with numbered, fenced evidence. `rag ask --show-prompt` prints it as it is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.datatypes import Message, Template
from rag.generation.evidence import Evidence
from rag.generation.fence import fenced, neutral
from rag.generation.phrases import language_name
from rag.generation.templates import conversation
from rag.protocols import LanguageModel


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
) -> Prompt:
    """The prompt with as much of the evidence, in its order, as the model's context holds beside the answer.

    `max_tokens` are left for that, a quarter of the context where that is less. Of a conversation's `turns` the newest
    stay, as many as leave half of the context to the rest. With no evidence in the prompt there is nothing to ask: the
    question alone fills the context.
    """
    max_tokens = min(max_tokens, model.context_tokens // 4)
    room = model.context_tokens - max_tokens
    kept = _newest([Message(turn.role, neutral(turn.content)) for turn in turns], model, room // 2)
    asked = " ".join(question.split())

    def messages(chosen: Sequence[Evidence]) -> tuple[Message, ...]:
        excerpts = "\n".join(fenced([_headed(each) for each in chosen], question))
        values = {"excerpts": excerpts, "question": asked, "language": language_name(question)}
        return conversation(template, values, kept)

    fitting: list[Evidence] = []
    omitted: list[Evidence] = []
    for each in evidence:
        longer = [*fitting, each]
        if model.count_tokens(model.render(messages(longer))) <= room:
            fitting = longer
        else:
            omitted.append(each)
    return Prompt(messages(fitting), tuple(fitting), tuple(omitted), max_tokens)


def _newest(turns: Sequence[Message], model: LanguageModel, room: int) -> tuple[Message, ...]:
    """The last turns that take at most `room` tokens, from one of the user's on."""
    kept: list[Message] = []
    for turn in reversed(turns):
        if model.count_tokens(model.render([turn, *kept])) > room:
            break
        kept.insert(0, turn)
    while kept and kept[0].role != "user":
        kept.pop(0)
    return tuple(kept)


def _headed(evidence: Evidence) -> str:
    """An excerpt with its heading."""
    unit = evidence.unit
    return f"{unit.context}: {unit.shown}" if unit.context else unit.shown
