"""Reads a question and a passage together: does the passage answer it, and where.

    <s> query: question </s> passage: text </s>  ─encoder with the adapter "reader"→  states
    state of <s> ─two layers→ answered            states of the text ─one layer→ where an answer begins and ends

Trained by benchmarks/fit_reader.py on what rag/models/adapters/README.md lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Reading
from rag.models.adapters import READER, adapter_file
from rag.models.batches import by_length
from rag.models.encoder import Engine, Frame, frames_of
from rag.models.folder import read_config, read_prompts
from rag.models.tokens import TextTokenizer

Floats = NDArray[np.float32]

MOST_QUESTION = 64
"""Tokens of a question that are read."""
OVERLAP = 64
"""Tokens that two windows of a passage share at most, where it is too long to be read at once."""
SPAN_HEAD, ANSWERED_HEAD = "span", ("answered.0", "answered.2")


def framed(question: Sequence[int], passage: Sequence[int], frames: tuple[Frame, Frame]) -> tuple[list[int], int]:
    """The ids that are read together, and where the passage begins in them; `frames` are the embedder's."""
    (query_before, query_after), (text_before, text_after) = frames
    front = [*query_before, *question, *query_after, *text_before[1:]]
    return [*front, *passage, *text_after], len(front)


class EncoderReader:
    """A `PassageReader` over the folder of a converted model that has the adapter; `engine` runs it."""

    def __init__(self, folder: Path, engine: Engine) -> None:
        from safetensors import safe_open

        prompts = read_prompts(folder)
        self._engine = engine
        self._tokenizer = TextTokenizer(folder)
        self._frames = frames_of(self._tokenizer, (prompts["query"], prompts["document"]))
        self._max_tokens: int = read_config(folder)["max_position_embeddings"]
        with safe_open(adapter_file(folder, READER), "numpy") as file:
            self._heads = {
                name: (file.get_tensor(f"{name}.weight"), file.get_tensor(f"{name}.bias"))
                for name in (SPAN_HEAD, *ANSWERED_HEAD)
            }

    def read(self, question: str, passages: Sequence[str]) -> list[Reading]:
        """What each passage has of an answer, in their order; of a long one, its window that answers best."""
        asked, *texts = self._tokenizer.cut([question, *passages])
        own = asked.ids[:MOST_QUESTION]
        room = self._max_tokens - len(framed(own, [], self._frames)[0])
        shared = min(OVERLAP, room // 4)
        windows = [
            (number, start)
            for number, text in enumerate(texts)
            for start in range(0, max(1, len(text.ids) - shared), room - shared)
        ]
        sequences = [framed(own, texts[number].ids[start : start + room], self._frames) for number, start in windows]
        best: list[Reading | None] = [None] * len(passages)
        for batch in by_length([len(ids) for ids, _ in sequences]):
            for at, states in zip(batch, self._engine.hidden([sequences[at][0] for at in batch]), strict=True):
                number, start = windows[at]
                found = self._reading(states, sequences[at][1], texts[number].offsets[start : start + room])
                held = best[number]
                if held is None or found.answered > held.answered:
                    best[number] = found
        return [each for each in best if each is not None]

    def _reading(self, states: Floats, start: int, offsets: Sequence[tuple[int, int]]) -> Reading:
        hidden = np.tanh(_linear(states[0], *self._heads[ANSWERED_HEAD[0]]))
        answered = float(_linear(hidden, *self._heads[ANSWERED_HEAD[1]])[0])
        logits = _linear(states[start : start + len(offsets)], *self._heads[SPAN_HEAD])
        return Reading(answered, tuple(offsets), _softmax(logits[:, 0]), _softmax(logits[:, 1]))


def _linear(rows: Floats, weight: Floats, bias: Floats) -> Floats:
    return np.asarray(rows @ weight.T + bias, np.float32)


def _softmax(logits: Floats) -> Floats:
    if not len(logits):
        return logits
    raised = np.exp(logits - logits.max())
    return np.asarray(raised / raised.sum(), np.float32)
