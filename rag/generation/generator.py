"""question + Hits → Answer, evidence first, whatever generates.

hits ─read→ evidence ─confident?→ quotes, the floor of every answer
                          └─ a model may write prose from them; a sentence is shown only once it is verified
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from rag.datatypes import GREEDY, Answer, Hit, Sampling, Template
from rag.generation.abstain import confidence, signals, threshold
from rag.generation.conflicts import disputes, newest_first
from rag.generation.draft import Draft, OnSentence, Unsupported
from rag.generation.evidence import MOST_QUOTES, Evidence, quotes, rank, read, unsuspicious
from rag.generation.follow_up import Talk
from rag.generation.prompt import Prompt, build
from rag.generation.templates import TEMPLATES
from rag.generation.thoughts import without_thoughts
from rag.generation.verify import Ground
from rag.protocols import LanguageModel, PassageReader
from rag.text.sentences import sentences

log = logging.getLogger(__name__)

Mode = Literal["auto", "quotes", "prose"]

PROMPTED = 8
"""Units of evidence that a model is given, at most. One that is marked as small is given the quotes alone: it mixes up
or copies whatever stands before it."""
LONGEST_SENTENCE = 600
"""Characters without an end of a sentence after which a model is not listened to any longer."""


class Generator:
    """Answers from hits, with a citation for every sentence, or says that they do not answer.

    `model` may be a function that loads one: an answer in quotes then never loads it. `mode` "auto" is prose, unless
    the model is marked as too small for it; `quotes_first` says so for a model that is not loaded yet. Without a
    model every answer is in quotes. `sampling` is how the model writes; its `max_tokens` shrink in a small context.
    `unsupported` sentences of prose are dropped, or marked where a sentence beside them is supported. `risk` is the
    share of wrong answers, among those given, that is accepted (`abstain.threshold`); without one, the fitted
    threshold decides. `templates` are what a model is told, by task.
    """

    def __init__(
        self,
        reader: PassageReader,
        model: LanguageModel | Callable[[], LanguageModel] | None = None,
        *,
        mode: Mode = "auto",
        quotes_first: bool | None = None,
        sampling: Sampling = GREEDY,
        unsupported: Unsupported = "drop",
        risk: float | None = None,
        templates: Mapping[str, Template] = TEMPLATES,
    ) -> None:
        if mode not in ("auto", "quotes", "prose"):
            raise ValueError(f"mode={mode!r} is none of 'auto', 'quotes', 'prose'")
        if mode == "prose" and model is None:
            raise ValueError("mode='prose' needs a model, model=None was given")
        self.reader = reader
        self.mode = mode
        self.sampling = sampling
        self.unsupported = unsupported
        self.threshold = threshold(risk)
        self.templates = templates
        self._model = model
        self._quotes_first = quotes_first

    @property
    def model(self) -> LanguageModel:
        """The language model, loaded now if it was handed in as a function. Raises ValueError where there is none."""
        if self._model is None:
            raise ValueError("this generator has no model")
        if callable(self._model):
            self._model = self._model()
        return self._model

    def generate(
        self,
        question: str,
        hits: Sequence[Hit],
        k: int | None = None,
        *,
        talk: Talk | None = None,
        on_sentence: OnSentence | None = None,
    ) -> Answer:
        """The answer that the hits bear out, best hit first; `talk` is the conversation that the question continues.

        The answer's `hits` are the `k` (by default all) that answer best by the reader. `on_sentence` is called with
        each sentence and its citations as soon as it is checked.
        """
        draft = Draft(question, tuple(hits[:k]), on_sentence, talk=talk, unsupported=self.unsupported)
        ranked = self._considered(draft, hits, k)
        if not ranked or draft.confidence < self.threshold:
            return draft.abstained()
        chosen = quotes(ranked)
        found = disputes(question, chosen, ranked)
        chosen = newest_first(question, chosen, found, MOST_QUOTES)
        if self.writes_prose:
            with draft.timed("generate"):
                self._write(draft, chosen, ranked)
        if not draft.sentences:
            draft.quote(chosen)
        for sides in found:
            draft.dispute(sides)
        return draft.answered()

    def _considered(self, draft: Draft, hits: Sequence[Hit], k: int | None) -> list[Evidence]:
        """The evidence, best first; the draft gets its confidence, and its hits their order."""
        if not draft.question.strip() or not hits:
            return []
        draft.look_over(hits)
        with draft.timed("read"):
            readings = read(draft.question, hits, self.reader)
            best_first = sorted(range(len(hits)), key=lambda place: -readings[place].answered)
            draft.hits = tuple(hits[place] for place in best_first[:k])
        with draft.timed("decide"):
            ranked = rank(draft.question, hits, readings)
            if ranked:
                draft.confidence = confidence(signals(draft.question, hits, readings))
        return ranked

    @property
    def writes_prose(self) -> bool:
        """Whether a model writes; it may have to be loaded to tell."""
        if self._model is None or self.mode != "auto":
            return self.mode == "prose"
        if self._quotes_first is None:
            self._quotes_first = self.model.quotes_first
        return not self._quotes_first

    def _template(self, talk: Talk | None) -> Template:
        """What the model is told: a persona stands before the rules, never in their place."""
        if talk is None:
            return self.templates["answer"]
        chat = self.templates["chat"]
        return replace(chat, system=f"{talk.persona}\n\n{chat.system}") if talk.persona else chat

    def _write(self, draft: Draft, chosen: Sequence[Evidence], ranked: Sequence[Evidence]) -> None:
        """Have the model answer from the quotes and the next best; the draft keeps what is borne out."""
        model, template = self.model, self._template(draft.talk)
        shown = chosen if model.quotes_first else list(dict.fromkeys([*chosen, *ranked]))
        plain = unsuspicious(shown, draft.suspicious)[:PROMPTED]
        turns = draft.talk.turns if draft.talk else ()
        prompt = build(draft.question, plain, model, template, max_tokens=self.sampling.max_tokens, turns=turns)
        draft.omitted = tuple(evidence.text for evidence in prompt.omitted)
        grounds = grounds_of(prompt.evidence)
        self.listen(draft, prompt, template, lambda text: draft.take(text, grounds, prompt.evidence))

    def listen(self, draft: Draft, prompt: Prompt, template: Template, take: Callable[[str], bool]) -> None:
        """Hand each sentence that the model writes to `take`, as long as that wants more; nothing without evidence.

        The draft notes the model, the prompt behind those before it, and tokens.
        """
        model = self.model
        draft.model = model.name
        if not prompt.evidence:
            return
        sent = model.render(prompt.messages)
        draft.prompt = "\n\n".join(filter(None, (draft.prompt, sent)))
        draft.prompt_tokens += model.count_tokens(sent)
        written: list[str] = []
        thoughts: list[str] = []
        attempt = draft.talk.attempt if draft.talk else 0
        seed = (self.sampling.seed + attempt) % 2**31
        sampling = replace(self.sampling, max_tokens=prompt.max_tokens, seed=seed)
        pieces = _noted(model.generate(prompt.messages, sampling), written)
        answers = False
        for text in finished_sentences(without_thoughts(pieces, thoughts, expected=template.reasoning)):
            answers = True
            if not take(text):
                break
        if thoughts and not answers:
            cut = prompt.max_tokens < self.sampling.max_tokens
            more = "its context, of which this is a quarter" if cut else "max_tokens"
            log.warning("%s thought for %d tokens and answered nothing: raise %s", model.name, prompt.max_tokens, more)
        draft.reasoning = "\n\n".join(filter(None, (draft.reasoning, "".join(thoughts).strip())))
        draft.completion_tokens += model.count_tokens("".join(written))


def finished_sentences(pieces: Iterator[str]) -> Iterator[str]:
    """Each sentence of a streamed text as soon as the next one has begun; the last one at the end.

    A text that goes on for `LONGEST_SENTENCE` characters without ending a sentence is cut off before that sentence.
    """
    text = ""
    for piece in pieces:
        text += piece
        spans = sentences(text)
        for span in spans[:-1]:
            yield text[span.start : span.end]
        if len(spans) > 1:
            text = text[spans[-1].start :]
        if len(text) > LONGEST_SENTENCE:
            return
    for span in sentences(text):
        yield text[span.start : span.end]


def grounds_of(evidence: Sequence[Evidence]) -> list[Ground]:
    """Each evidence alone, numbered from 1, then each two that follow each other in one document."""
    numbered = list(enumerate(evidence, start=1))
    pairs = [
        Ground((first, second), f"{one.unit.grounds}\n{two.text}", one.unit.context)
        for first, one in numbered
        for second, two in numbered
        if one.hit.chunk.document == two.hit.chunk.document and 0 <= two.start - one.end <= 3
    ]
    return [*(Ground((number,), each.unit.grounds, each.unit.context) for number, each in numbered), *pairs]


def _noted(pieces: Iterator[str], written: list[str]) -> Iterator[str]:
    for piece in pieces:
        written.append(piece)
        yield piece
