"""The built-in kind of embedder, on the tiny model."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.models.batches import BatchThreads
from rag.models.encoder import EncoderEmbedder
from rag.models.engines import Engines
from rag.models.onnx_engine import OnnxEngine
from rag.models.tokens import TextTokenizer
from rag.protocols import Embedder
from tests.models.encoder_fixtures import tiny_file, tiny_folder
from tests.models.tiny_encoder import HIDDEN, POSITIONS

__all__ = ["tiny_file", "tiny_folder"]

TEXTS = ["the pump", "水泵的 pumping", "s", "thing " * 7, ""]


@pytest.fixture
def embedder(tiny_folder: Path) -> EncoderEmbedder:
    return EncoderEmbedder("tiny", tiny_folder, "weights", Engines(tiny_folder, "weights", engine="onnx"))


def states(folder: Path, prompt: str, text: str) -> NDArray[np.float32]:
    """All hidden states of one text, by the tokenizer's own template."""
    from tokenizers import Tokenizer

    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(prompt + text).ids
    return OnnxEngine(folder).hidden([ids])[0]


def test_a_vector_is_the_mean_over_prompt_specials_and_text(embedder: EncoderEmbedder, tiny_folder: Path) -> None:
    found = embedder.embed_texts(TEXTS[:4])
    assert found.tokens == ()
    for vector, text in zip(found.vectors, TEXTS[:4], strict=True):
        mean = states(tiny_folder, "passage: ", text).mean(axis=0)
        np.testing.assert_allclose(vector, mean / np.linalg.norm(mean), atol=1e-5)
    mean = states(tiny_folder, "query: ", "the pump").mean(axis=0)
    np.testing.assert_allclose(embedder.embed_query("the pump").vectors[0], mean / np.linalg.norm(mean), atol=1e-5)


def test_token_vectors_are_those_of_the_texts_own_tokens(embedder: EncoderEmbedder, tiny_folder: Path) -> None:
    found = embedder.embed_texts(TEXTS, tokens=True)
    assert [len(rows) for rows in found.tokens] == embedder.count_tokens(TEXTS)
    for rows, text in zip(found.tokens, TEXTS, strict=True):
        whole = states(tiny_folder, "passage: ", text)
        own = whole[embedder.overhead - 1 : len(whole) - 1] if text else whole[:0]
        np.testing.assert_allclose(rows, own / np.linalg.norm(own, axis=1, keepdims=True), atol=1e-5)
        assert rows.dtype == np.float32
        assert len(embedder.token_offsets(text)) == len(rows)


def test_it_is_an_embedder_and_says_what_ran(embedder: EncoderEmbedder) -> None:
    seam: Embedder = embedder
    assert (seam.dimension, seam.max_tokens) == (HIDDEN, POSITIONS)
    seam.embed_query("the")
    assert embedder.engine == "onnxruntime float32"


def test_nothing_to_embed_gives_nothing(embedder: EncoderEmbedder) -> None:
    assert embedder.embed_texts([], tokens=True).vectors.shape == (0, HIDDEN)
    assert embedder.count_tokens([]) == []


def test_the_longest_text_that_fits_is_embedded_and_one_token_more_is_refused(embedder: EncoderEmbedder) -> None:
    room = embedder.max_tokens - embedder.overhead
    fits = " ".join(["the"] * room)
    assert embedder.count_tokens([fits]) == [room]
    assert len(embedder.embed_texts([fits], tokens=True).tokens[0]) == room
    expected = f"text 1 has {room + 1} tokens and {embedder.overhead} of prompt and specials; tiny takes {POSITIONS}"
    with pytest.raises(ValueError, match=expected):
        embedder.embed_texts(["the", fits + " the"])


def test_a_question_too_long_is_cut_with_a_warning(embedder: EncoderEmbedder, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        found = embedder.embed_query("the " * 100, tokens=True)
    assert "The question has" in caplog.text
    assert len(found.tokens[0]) < POSITIONS


def test_the_fingerprint_follows_weights_and_not_names_or_engines(tiny_folder: Path) -> None:
    def fingerprint(name: str, weights: str, engine: str) -> str:
        return EncoderEmbedder(name, tiny_folder, weights, Engines(tiny_folder, "w", engine=engine)).fingerprint

    assert fingerprint("a", "1", "onnx") == fingerprint("b", "1", "auto") != fingerprint("a", "2", "onnx")


def test_prompt_and_text_are_cut_as_one(tiny_folder: Path) -> None:
    """The embedder cuts prompt and text apart; for this kind of tokenizer that gives the same tokens."""
    tokenizer = TextTokenizer(tiny_folder)
    for text in TEXTS[:4]:
        one, prompt, alone = tokenizer.cut(["passage: " + text, "passage:", text])
        assert one.ids == prompt.ids + alone.ids


def test_texts_come_back_in_their_order(embedder: EncoderEmbedder) -> None:
    texts = [" ".join(["the"] * (number * 7 % 23 + 1)) + f" {number}" for number in range(40)]
    together = embedder.embed_texts(texts).vectors
    apart = np.concatenate([embedder.embed_texts([text]).vectors for text in texts])
    np.testing.assert_allclose(together, apart, atol=2e-5)


class CountingEngine:
    """Notes the batches that it is handed."""

    name = "counting"
    batch_tokens = 3072

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.threads = BatchThreads(1)

    def hidden(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        self.batches.append([len(sequence) for sequence in sequences])
        return [np.ones((len(sequence), HIDDEN), np.float32) for sequence in sequences]

    def for_query(self) -> CountingEngine:
        return self

    def for_texts(self, tokens: int) -> CountingEngine:
        return self


def test_little_is_computed_for_padding(tiny_folder: Path) -> None:
    engine = CountingEngine()
    embedder = EncoderEmbedder("tiny", tiny_folder, "weights", engine)
    embedder.embed_texts([" ".join(["the"] * (number % 40 + 1)) for number in range(400)])
    padded = sum(max(batch) * len(batch) for batch in engine.batches)
    assert padded <= sum(map(sum, engine.batches)) / 0.95


def test_a_job_is_done_on_other_threads_and_gives_what_embedding_gives(embedder: EncoderEmbedder) -> None:
    texts = ["the cat sat on the mat " * (number % 2 + 1) for number in range(900)]
    job = embedder.start_texts(texts)
    deadline = time.monotonic() + 60
    while not job.done():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    found, wanted = job.result(), embedder.embed_texts(texts, tokens=True)
    np.testing.assert_allclose(found.vectors, wanted.vectors, atol=1e-6)
    for one, other in zip(found.tokens, wanted.tokens, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


class FailingEngine(CountingEngine):
    """Fails at its third batch, and waits at the next until it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = threading.Event()

    def hidden(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        found = super().hidden(sequences)
        if len(self.batches) == 3:
            raise RuntimeError("out of memory")
        if len(self.batches) > 3:
            self.gate.wait(60)
        return found


def test_a_failure_is_raised_and_ends_the_job(tiny_folder: Path) -> None:
    engine = FailingEngine()
    engine.batch_tokens = 16
    embedder = EncoderEmbedder("tiny", tiny_folder, "weights", engine)
    with pytest.raises(RuntimeError, match="out of memory"):
        embedder.embed_texts(["the cat sat on the mat"] * 500)
    engine.gate.set()
    engine.threads.drain()
    assert len(engine.batches) <= 4


def test_what_is_cancelled_is_not_begun(tiny_folder: Path) -> None:
    engine = CountingEngine()
    engine.batch_tokens = 16
    embedder = EncoderEmbedder("tiny", tiny_folder, "weights", engine)
    gate = threading.Event()

    def wait(batch: list[int]) -> None:
        gate.wait(60)

    engine.threads.start(wait, [[0]])
    job = embedder.start_texts(["the cat sat on the mat"] * 50)
    assert not job.done()
    job.cancel()
    gate.set()
    engine.threads.start(lambda _: None, [[0]])[0].result()
    assert engine.batches == []
