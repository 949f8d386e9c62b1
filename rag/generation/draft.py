"""An answer while it grows: sentences as they pass, citations numbered by first use, seconds by stage."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from rag.datatypes import Answer, Citation, Conflict, Hit, Sentence, Side, Suspicion
from rag.generation.conflicts import dated, says
from rag.generation.evidence import Evidence
from rag.generation.follow_up import Talk
from rag.generation.inert import inert
from rag.generation.phrases import not_answered
from rag.generation.verify import Ground, Verdict, claim_of, verify
from rag.text.invisible import unseen
from rag.text.suspicion import suspicions

OnSentence = Callable[[Sentence, tuple[Citation, ...]], None]
Unsupported = Literal["drop", "mark"]

MOST_SENTENCES = 6
"""Sentences of prose that are shown, at most: small models do not know when to stop."""
MOST_DROPPED = 2
"""Sentences that a model may write in vain before its first that stands: then the reader has waited long enough."""


@dataclass(slots=True)
class Draft:
    """The one thing here that changes; `abstained` and `answered` make the frozen Answer of it."""

    question: str
    hits: tuple[Hit, ...]
    on_sentence: OnSentence | None = None
    talk: Talk | None = None
    unsupported: Unsupported = "drop"
    most: int = MOST_SENTENCES
    confidence: float = 0.0
    mode: Literal["quotes", "prose"] = "prose"
    sentences: list[Sentence] = field(default_factory=list)
    citations: list[Citation] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    omitted: tuple[str, ...] = ()
    suspicious: tuple[Suspicion, ...] = ()
    invisible: int = 0
    completeness: str = ""
    model: str | None = None
    prompt: str = ""
    reasoning: str = ""
    prompt_tokens: int = 0
    completion_tokens: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def look_over(self, hits: Sequence[Hit]) -> None:
        """Note what in the passages, and in those that they stand for, addresses a machine, or is seen by nobody."""
        every = [each for hit in hits for each in (hit, *hit.alike)]
        self.suspicious = suspicions(every)
        self.invisible = sum(len(unseen(hit.text)) for hit in every)

    def take(self, text: str, grounds: Sequence[Ground], evidence: Sequence[Evidence]) -> bool:
        """Take a model's sentence in if the grounds bear it out, else drop or mark it; whether more are wanted."""
        return self.judge(text, verify(text, grounds), evidence)

    def judge(self, text: str, verdict: Verdict, evidence: Sequence[Evidence]) -> bool:
        """The same of a sentence that has been verified.

        A model that says the same again has run into a loop: it is not listened to any longer. Nor is one of which
        nothing stands after `MOST_DROPPED`. What is marked stands only beside what is borne out: it waits for that.
        """
        shown = inert(verdict.claim)
        if text in self.dropped or any(shown == sentence.text for sentence in self.sentences):
            return False
        if verdict.supported and _says_something(shown):
            self._mark_dropped()
            self._add(shown, [evidence[number - 1] for number in verdict.evidence])
        else:
            self.dropped.append(text)
        if not self.sentences:
            return len(self.dropped) < MOST_DROPPED
        self._mark_dropped()
        return len(self.sentences) < self.most

    def quote(self, chosen: Sequence[Evidence]) -> None:
        """The evidence itself as the answer."""
        self.mode = "quotes"
        for evidence in chosen:
            self._add(evidence.unit.shown, [evidence])

    def dispute(self, sides: Sequence[Evidence]) -> None:
        """That these contradict each other, each with its citation."""
        self.conflicts.append(
            Conflict(
                tuple(
                    Side(
                        says(each, [other for other in sides if other is not each]),
                        self._cited(each).number,
                        dated(each.hit),
                    )
                    for each in sides
                )
            )
        )

    def quote_together(self, chosen: Sequence[Evidence], joint: str) -> tuple[int, ...]:
        """Several pieces of evidence as one sentence of the answer; the number of each one's citation."""
        self.mode = "quotes"
        self._add(joint.join(evidence.unit.shown for evidence in chosen), chosen)
        return self.sentences[-1].citations

    def abstained(self) -> Answer:
        """That the corpus does not answer; the nearest hits stay in it."""
        return Answer(
            question=self.question,
            answered=False,
            mode="none",
            text=not_answered(self.question),
            confidence=self.confidence,
            completeness=self.completeness,
            hits=self.hits,
            suspicious=self.suspicious,
            invisible=self.invisible,
            seconds=self._stopped(),
        )

    def answered(self) -> Answer:
        """The finished answer."""
        return Answer(
            question=self.question,
            answered=True,
            mode=self.mode,
            text=inert(("\n" if self.mode == "quotes" else " ").join(sentence.text for sentence in self.sentences)),
            sentences=tuple(self.sentences),
            citations=tuple(self.citations),
            confidence=self.confidence,
            dropped=tuple(self.dropped),
            conflicts=tuple(self.conflicts),
            omitted=self.omitted,
            completeness=self.completeness,
            hits=self.hits,
            suspicious=self.suspicious,
            invisible=self.invisible,
            model=self.model,
            prompt=self.prompt,
            reasoning=self.reasoning,
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            seconds=self._stopped(),
        )

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Seconds of a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = time.perf_counter() - started

    def _mark_dropped(self) -> None:
        """Where they are to be marked, show the sentences that are not borne out, in their place among the others."""
        if self.unsupported == "mark":
            shown = {text: inert(claim_of(text)) for text in self.dropped}
            self.dropped = [text for text in self.dropped if not _says_something(shown[text])]
            for claim in filter(_says_something, shown.values()):
                self._show(Sentence(claim, supported=False), ())

    def _add(self, text: str, evidence: Sequence[Evidence]) -> None:
        cited = tuple(self._cited(each) for each in evidence)
        self._show(Sentence(text, tuple(citation.number for citation in cited), supported=True), cited)

    def _show(self, sentence: Sentence, cited: tuple[Citation, ...]) -> None:
        self.sentences.append(sentence)
        if self.on_sentence is not None:
            self.on_sentence(sentence, cited)

    def _cited(self, evidence: Evidence) -> Citation:
        """The citation of an evidence; the one that it has already, where it was cited before."""
        place = (evidence.hit.chunk.document, evidence.start, evidence.end)
        for citation in self.citations:
            if (citation.document, citation.start, citation.end) == place:
                return citation
        self.citations.append(evidence.unit.citation(len(self.citations) + 1))
        return self.citations[-1]

    def _stopped(self) -> dict[str, float]:
        return {**self.seconds, "total": time.perf_counter() - self.started}


def _says_something(text: str) -> bool:
    return any(char.isalnum() for char in text)
