"""The built-in kind of embedder: a BERT encoder in a converted folder, mean pooling, unit length.

The vector of a text is the mean of all its tokens' last hidden states, prompt and specials included, at unit length;
its token vectors are the states of its own tokens alone, each at unit length.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import Future
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Embeddings
from rag.models.adapters import QUESTION, TOKEN_MEAN, adapter_file
from rag.models.batches import BatchThreads, by_length
from rag.models.folder import read_config, read_prompts
from rag.models.tokens import TextTokenizer

Floats = NDArray[np.float32]
Frame = tuple[list[int], list[int]]  # the ids before and after a text's own
log = logging.getLogger(__name__)


class Engine(Protocol):
    """What runs the weights."""

    @property
    def name(self) -> str:
        """Library and number format, for the record."""

    @property
    def batch_tokens(self) -> int:
        """Tokens of a batch, padding included, at which it is fast."""

    @property
    def threads(self) -> BatchThreads:
        """As many threads as suit the engine."""

    def hidden(self, sequences: Sequence[Sequence[int]]) -> list[Floats]:
        """The last hidden states (t, d) float32 of each sequence of ids; one batch."""


class EngineChoice(Protocol):
    """Which engine runs which job: see `rag.models.engines.Engines`."""

    def for_query(self) -> Engine:
        """The engine that embeds a question."""

    def for_texts(self, tokens: int) -> Engine:
        """The engine for `tokens` more tokens of texts."""


class EncoderEmbedder:
    """An `Embedder` over the folder of a converted model; `weights` is the SHA-256 of what was converted.

    `engine` names what embedded last, for the record; it is no part of the fingerprint.
    """

    def __init__(self, name: str, folder: Path, weights: str, engines: EngineChoice) -> None:
        config, prompts = read_config(folder), read_prompts(folder)
        self.name = name
        self.dimension: int = config["hidden_size"]
        self.max_tokens: int = config["max_position_embeddings"]
        self.engine = ""
        self._folder = folder
        self._prompts: tuple[str, str] = (prompts["query"], prompts["document"])
        self._weights = weights
        self._engines = engines
        self.tokenizer = TextTokenizer(folder)

    @property
    def fingerprint(self) -> str:
        """Hash of weights, pooling, prompts and dimension."""
        parts = ["encoder 1", self._weights, "mean", *self._prompts, str(self.dimension)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    @property
    def neutral(self) -> bool:
        """Whether questions are read by an adapter that makes them as near to texts in any language."""
        return adapter_file(self._folder, QUESTION).is_file()

    @cached_property
    def token_mean(self) -> Floats | None:
        """The mean (d,) of the model's token vectors over text in many languages; None where it is not known."""
        path = adapter_file(self._folder, QUESTION)
        if not path.is_file():
            return None
        from safetensors import safe_open

        with safe_open(path, "numpy") as file:
            found: Floats = file.get_tensor(TOKEN_MEAN)
        return found

    @cached_property
    def frames(self) -> tuple[Frame, Frame]:
        """The ids in front of and after a query's own, and a text's."""
        return frames_of(self.tokenizer, self._prompts)

    @cached_property
    def overhead(self) -> int:
        """Tokens that the passage prompt and the special tokens cost in every text."""
        return sum(map(len, self.frames[1]))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone, without prompt and specials."""
        return list(map(len, self.tokenizer.ids(texts)))

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """The half-open character range of each token of `text`, in order; a space belongs to the word after it."""
        return self.tokenizer.cut([text])[0].offsets

    def embed_query(self, text: str, *, tokens: bool = False) -> Embeddings:
        """Embeddings of one question (n = 1); a question too long for the model is cut, with a warning logged."""
        frame = self.frames[0]
        ids = self.tokenizer.ids([text])[0]
        room = self.max_tokens - sum(map(len, frame))
        if len(ids) > room:
            log.warning("The question has %d tokens; %s reads the first %d of them.", len(ids), self.name, room)
        return self._job([ids[:room]], frame, self._engines.for_query(), tokens).result()

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        """Embeddings of the texts in their order. Raises ValueError where a text is longer than `max_tokens`."""
        job = self._started(texts, tokens, here=True)
        try:
            return job.result()
        finally:  # after Ctrl-C or a failure, what has not begun is not begun
            job.cancel()

    def start_texts(self, texts: Sequence[str]) -> EncoderJob:
        """Begin `embed_texts` with tokens, which raises the same."""
        return self._started(texts, tokens=True, here=False)

    def _started(self, texts: Sequence[str], tokens: bool, *, here: bool) -> EncoderJob:
        own = self.tokenizer.ids(texts)
        for number, ids in enumerate(own):
            if len(ids) + self.overhead > self.max_tokens:
                raise ValueError(
                    f"text {number} has {len(ids)} tokens and {self.overhead} of prompt and specials; "
                    f"{self.name} takes {self.max_tokens}"
                )
        engine = self._engines.for_texts(sum(map(len, own)) + self.overhead * len(own))
        return self._job(own, self.frames[1], engine, tokens, here=here)

    def _job(
        self, own: Sequence[list[int]], frame: Frame, engine: Engine, tokens: bool, *, here: bool = True
    ) -> EncoderJob:
        self.engine = engine.name
        job = EncoderJob(engine, own, frame, self.dimension, tokens)
        job.start(here=here)
        return job


class EncoderJob:
    """Texts by their ids, without the frame, on their way through an engine: an `EmbeddingJob`."""

    def __init__(self, engine: Engine, own: Sequence[list[int]], frame: Frame, dimension: int, tokens: bool) -> None:
        before, after = frame
        self._engine = engine
        self._sequences = [[*before, *ids, *after] for ids in own]
        self._own = slice(len(before), -len(after))
        self._vectors = np.empty((len(own), dimension), np.float32)
        self._tokens = [np.empty((0, dimension), np.float32)] * len(own) if tokens else []
        self._running: list[Future[None]] = []

    def start(self, *, here: bool) -> None:
        """Begin; a single batch is computed `here` and now, where that is allowed, with all threads."""
        batches = by_length([len(sequence) for sequence in self._sequences], self._engine.batch_tokens)
        if here and len(batches) == 1:
            self._embed(batches[0])
        else:
            self._running = self._engine.threads.start(self._embed, batches)

    def done(self) -> bool:
        """Whether `result` has them without waiting."""
        return all(future.done() and not future.cancelled() for future in self._running)

    def result(self) -> Embeddings:
        """The embeddings, in the order of the texts."""
        for future in self._running:
            future.result()
        return Embeddings(unit_rows(self._vectors), tuple(self._tokens))

    def cancel(self) -> None:
        """Begin no more batches."""
        for future in self._running:
            future.cancel()

    def _embed(self, batch: list[int]) -> None:
        hidden = self._engine.hidden([self._sequences[number] for number in batch])
        for number, states in zip(batch, hidden, strict=True):
            self._vectors[number] = states.mean(axis=0)
            if self._tokens:
                self._tokens[number] = unit_rows(states[self._own])


def frames_of(tokenizer: TextTokenizer, prompts: tuple[str, str]) -> tuple[Frame, Frame]:
    """The ids in front of and after a query's own, and a text's, with these prompts for the two."""
    start, end = tokenizer.specials["<s>"], tokenizer.specials["</s>"]
    query, text = tokenizer.cut([prompt.rstrip() for prompt in prompts])
    return ([start, *query.ids], [end]), ([start, *text.ids], [end])


def unit_rows(rows: Floats) -> Floats:
    """A copy of the rows (n, d), each at unit length."""
    norms: Floats = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(norms, 1e-12), np.float32)
