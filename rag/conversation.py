"""Questions that continue one another: each is searched with what it leans on, and answered with the turns before it.

question ─model's rewrite, checked │ words it leans on→ searches ─→ hits ─→ Answer ─→ a Turn more
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, zip_longest

from rag.datatypes import Answer, Hit, Message
from rag.errors import ConversationError
from rag.generation.draft import OnSentence
from rag.generation.evidence import unsuspicious_text
from rag.generation.follow_up import Talk, leans_back, rewritten, searches
from rag.generation.generator import Generator
from rag.pipeline import READ, enumerated
from rag.retrieval.retriever import Retriever
from rag.transcript import Turn


class Conversation:
    """A conversation with the corpus.

    `turns` are those so far; `before` is what was said before them, for a caller that keeps the conversation itself.
    `persona` stands before the rules of the system message, never in their place; a model that writes prose sees it.
    `k` and `where` are as in `rag.pipeline.ask`.
    """

    def __init__(
        self,
        retriever: Retriever,
        generator: Generator,
        *,
        k: int = 5,
        where: str = "",
        persona: str = "",
        before: Sequence[Message] = (),
        turns: Sequence[Turn] = (),
    ) -> None:
        self.retriever = retriever
        self.generator = generator
        self.k = k
        self.where = where
        self.persona = persona
        self.before = tuple(before)
        self.turns = tuple(turns)
        self._attempt = 0

    def ask(self, question: str, *, on_sentence: OnSentence | None = None) -> Answer:
        """The corpus's answer to what the question means here; it becomes a turn when it is whole."""
        self._attempt = 0
        turn = self._turn(question, self.turns, on_sentence)
        self.turns = (*self.turns, turn)
        return turn.answer

    def retry(self, *, on_sentence: OnSentence | None = None) -> Answer:
        """Another answer to the last question, in the place of the one that it had; with a temperature, another seed.

        Raises ConversationError where there is no question yet.
        """
        if not self.turns:
            raise ConversationError("there is no question yet that could be answered again; type one")
        self._attempt += 1
        turn = self._turn(self.turns[-1].question, self.turns[:-1], on_sentence)
        self.turns = (*self.turns[:-1], turn)
        return turn.answer

    def _turn(self, question: str, turns: Sequence[Turn], on_sentence: OnSentence | None) -> Turn:
        everything = enumerated(question, self.retriever, k=self.k, where=self.where, on_sentence=on_sentence)
        if everything is not None:
            return Turn(question, (question,), everything)
        said = tuple(map(_unsuspicious, (*self.before, *messages(turns))))
        meant = self._rewritten(question, said)
        searched = (meant,) if meant else searches(question, said)
        hits = retrieved(self.retriever, searched, max(self.k, READ), where=self.where)
        talk = Talk(said, self.persona, self._attempt)
        answer = self.generator.generate(meant or question, hits, self.k, talk=talk, on_sentence=on_sentence)
        return Turn(question, searched, replace(answer, question=question))

    def _rewritten(self, question: str, said: Sequence[Message]) -> str:
        """The question made complete by the language model, where it may lean on what was said; "" where not."""
        if not said or not leans_back(question, said[-1].content):
            return ""
        if not self.generator.writes_prose or self.generator.model.quotes_first:
            return ""
        return rewritten(question, said, self.generator.model, self.generator.templates["follow-up"])


def messages(turns: Sequence[Turn]) -> list[Message]:
    """The turns as they were said."""
    return [
        message
        for turn in turns
        for message in (Message("user", turn.question), Message("assistant", turn.answer.text))
    ]


def _unsuspicious(turn: Message) -> Message:
    """The turn as a language model is told of it: what an answer quotes has no authority there either."""
    return replace(turn, content=unsuspicious_text(turn.content)) if turn.role == "assistant" else turn


def retrieved(retriever: Retriever, searched: Sequence[str], k: int, *, where: str = "") -> list[Hit]:
    """The `k` best hits of several searches: the best of each, then the second of each, and so on."""
    found = [retriever.retrieve(text, k, where=where) for text in searched]
    best: dict[str, Hit] = {}
    for hit in chain.from_iterable(zip_longest(*found)):
        if hit is not None:
            best.setdefault(hit.chunk.id, hit)
    return list(best.values())[:k]
