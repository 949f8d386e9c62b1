"""question + Hits → Answer: rank the evidence, decide whether it answers, compose, verify, cite.

    hits ─rank→ evidence ─confidence→ none │ quotes │ prose ─verify→ sentences with citations

The quotes are the floor of every answer: prose that does not pass verification gives way to them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from rag.datatypes import Answer, Citation, Hit, Sentence
from rag.generation import abstain
from rag.generation.composing import Composer, Listener
from rag.generation.evidence import MOST_QUOTES, Evidence, quotes, rank
from rag.generation.phrases import not_answered
from rag.generation.prompt import Prompt, build
from rag.generation.stream import finished_sentences
from rag.generation.verify import Ground, verify
from rag.protocols import Embedder, LanguageModel

Mode = Literal["auto", "quotes", "prose"]

PROMPTED = 8
"""Units of evidence that a model is given, at most."""
MOST_SENTENCES = 6
"""Sentences of prose that are read, at most: small models do not know when to stop."""


class Generator:
    """Answers from hits, with a citation for every sentence.

    `model` may be a function that gives the model, called when prose is first wanted and never for quotes.
    `quotes_first` says what the model's own `quotes_first` would, without loading it.
    """

    def __init__(
        self,
        model: LanguageModel | Callable[[], LanguageModel] | None,
        embedder: Embedder,
        *,
        mode: Mode = "auto",
        quotes_first: bool | None = None,
    ) -> None:
        if mode not in ("auto", "quotes", "prose"):
            raise ValueError(f"mode={mode!r} is none of 'auto', 'quotes', 'prose'")
        if mode == "prose" and model is None:
            raise ValueError("mode='prose' needs a model, model=None was given")
        self.embedder = embedder
        self.mode = mode
        self._model = model
        self._quotes_first = quotes_first

    @property
    def model(self) -> LanguageModel:
        """The language model, loaded now if it was not. Raises ValueError where there is none."""
        if self._model is None:
            raise ValueError("this generator has no model")
        if not _is_model(self._model):
            self._model = self._model()
        return self._model

    def generate(self, question: str, hits: Sequence[Hit], *, on_sentence: Listener | None = None) -> Answer:
        """The answer to the question from these hits, best hit first.

        `on_sentence` is called with each sentence and its citations as soon as it is checked.
        """
        run = _Run(question, tuple(hits), on_sentence)
        with run.timed("evidence"):
            run.consider(self.embedder)
        if run.confidence < abstain.threshold() or not run.ranked:
            return run.abstained()
        if self._writes():
            model = self.model
            run.write(model)
        return run.answered()

    def _writes(self) -> bool:
        """Whether prose is wanted."""
        if self.mode != "auto":
            return self.mode == "prose"
        if self._model is None:
            return False
        return not (self.model.quotes_first if self._quotes_first is None else self._quotes_first)
