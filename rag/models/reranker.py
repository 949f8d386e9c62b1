"""Any cross-encoder, by folder or by its name on the hub, as a `Reranker`: it reads the question and each hit together.

Only safetensors are read, only classes of sentence-transformers and transformers are built. A hub model is fetched once
into the hub's cache; after that nothing opens a socket.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Hit
from rag.errors import ModelError
from rag.models.checkpoint import dtype_for
from rag.models.device import device as chosen_device
from rag.models.hub import RERANKER, checked_folder
from rag.models.opening import opening, refuse_random, safely
from rag.models.passage_reader import OVERLAP
from rag.models.sentence import max_tokens_of
from rag.text.context import read_text

Floats = NDArray[np.float32]
log = logging.getLogger(__name__)

_SCORES = "ForSequenceClassification"  # how transformers calls what gives numbers for a text
_BATCH = 32  # pairs; sentence-transformers sorts them by length


def open_cross_encoder(name: str, *, device: str = "auto") -> CrossEncoderReranker:
    """The cross-encoder in the folder `name`, or the hub's of that name.

    Raises ModelMissing where there is none, ModelError where it cannot be used.
    """
    folder = checked_folder(name, RERANKER)
    _refuse_others(name, folder)
    place = chosen_device(device)
    with opening(name, "as a reranker", "Fetch it again, or choose another") as library:
        from torch.nn import Identity

        # float32 wherever it would be float16: whether a model stays in that range is not known.
        options = safely(place, dtype_for(place, encoder_decoder=True))
        # What the model itself says: a sigmoid makes 1.0 of all that is above 17, and ranks none of it.
        model = library.CrossEncoder(str(folder), **options, activation_fn=Identity())
        refuse_random(name, folder, model.model)
        return CrossEncoderReranker(name, model)


class CrossEncoderReranker:
    """A `Reranker` over a loaded `CrossEncoder`. Raises ModelError for one that gives several numbers for a pair."""

    def __init__(self, name: str, model: Any) -> None:
        self.name = name
        self._model = model
        self._tokenizer = model.tokenizer
        self._prompt: str | None = model.prompts.get(model.default_prompt_name)
        self.max_tokens = model.max_seq_length = max_tokens_of(model)
        if model.num_labels != 1:
            raise ModelError(
                f"{name} gives {model.num_labels} numbers for a question and a passage, and a reranker needs one to "
                f"sort by: it was made to tell classes apart. Choose a cross-encoder such as {RERANKER.example}"
            )
        if not getattr(self._tokenizer, "is_fast", False):
            raise ModelError(f"{name} has no fast tokenizer, so long passages cannot be read in parts. Choose another")
        frame = self._length("a", "a")
        if frame > self.max_tokens // 4:
            raise ModelError(
                f"{name} reads {self.max_tokens} tokens at once, of which its own prompt takes {frame}: that leaves "
                "too little for a question and a passage. Choose another"
            )

    def rerank(self, question: str, hits: Sequence[Hit]) -> list[Hit]:
        """The same hits by what the model says of each, read with its heading context; equal ones keep their order.

        A hit that is too long to be read at once has the score of its best window; of a question that is longer than
        half of what the model reads, a warning says what is left out. Raises ModelError where a score is no number.
        """
        scores = self._scores(question, [read_text(hit) for hit in hits])
        scored = [
            replace(hit, score=score, scores=replace(hit.scores, rerank=score))
            for hit, score in zip(hits, scores, strict=True)
        ]
        return sorted(scored, key=lambda hit: -hit.score)

    def _scores(self, question: str, texts: Sequence[str]) -> list[float]:
        """A score for each text: that of its best window."""
        if not texts:
            return []
        asked = self._cut_question(question)
        windows = [(place, window) for place, text in enumerate(texts) for window in self._windows(asked, text)]
        found = self._model.predict(
            [(asked, window) for _, window in windows], prompt=self._prompt, batch_size=_BATCH, show_progress_bar=False
        )
        best = np.full(len(texts), -np.inf)
        np.maximum.at(best, [place for place, _ in windows], found)  # keeps what is no number
        if not np.isfinite(best).all():
            raise ModelError(
                f"{self.name} gave a score that is no number. Try --device cpu, or choose another reranker"
            )
        return [float(score) for score in best]

    def _cut_question(self, question: str) -> str:
        spans, most = self._spans(question), self.max_tokens // 2
        if len(spans) <= most:
            return question
        log.warning("The question has %d tokens; %s reads the first %d of them.", len(spans), self.name, most)
        return question[: spans[most - 1][1]]

    def _windows(self, question: str, text: str) -> Iterator[str]:
        """The text whole where it fits beside the question, else overlapping parts of it that do."""
        if self._fits(question, text):
            yield text
        else:
            yield from self._parts(question, text, self.max_tokens - 1 - self._length(question, ""))

    def _parts(self, question: str, text: str, room: int) -> Iterator[str]:
        """Parts of `room` tokens; one that has more tokens alone than it had within the text is cut again."""
        spans, shared = self._spans(text), min(OVERLAP, room // 4)
        for first in range(0, max(1, len(spans) - shared), max(1, room - shared)):
            last = min(first + room, len(spans)) - 1
            part = text[spans[first][0] : spans[last][1]]
            if room <= 1 or self._fits(question, part):
                yield part
            else:
                yield from self._parts(question, part, room // 2)

    def _fits(self, question: str, text: str) -> bool:
        """Whether the two are read whole; what comes out at `max_tokens` may have been cut there."""
        return self._length(question, text) < self.max_tokens

    def _length(self, question: str, text: str) -> int:
        """Tokens that the model is given of the two: with its prompt or template and the specials, cut at its limit."""
        features = self._model.preprocess([(question, text)], prompt=self._prompt)
        return int(features["input_ids"].shape[1])

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """The half-open character range of each token of `text`."""
        cut = self._tokenizer(
            text, add_special_tokens=False, truncation=False, verbose=False, return_offsets_mapping=True
        )
        return [(start, end) for start, end in cut["offset_mapping"]]


def _refuse_others(name: str, folder: Path) -> None:
    """Anything else that sentence-transformers opens as a cross-encoder, and fills up with random numbers."""
    config = _read(folder / "config.json")
    ours = _read(folder / "config_sentence_transformers.json")
    kinds = [str(kind) for kind in config.get("architectures") or ()]
    if (folder / "modules.json").is_file():
        fits, kind = ours.get("model_type") == "CrossEncoder", ours.get("model_type", "SentenceTransformer")
    else:
        fits, kind = any(each.endswith(_SCORES) for each in kinds), ", ".join(kinds) or "of no known kind"
    if not fits:
        raise ModelError(
            f"{name} is {kind}, not a cross-encoder: it does not score a passage for a question. "
            f"Choose one that does, such as {RERANKER.example}"
        )


def _read(path: Path) -> dict[str, Any]:
    """The object in a JSON file; an empty one where there is no file."""
    try:
        found = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    except ValueError as problem:
        raise ModelError(f"{path} cannot be read: {problem}. Fetch the model again, or choose another") from problem
    return found if isinstance(found, dict) else {}
