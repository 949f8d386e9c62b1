"""The real built-in embedder against the wheel's own engine, and how little it needs to answer a question."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from rag.models import adapters
from rag.models.batches import by_length
from rag.models.catalogue import CATALOGUE, DEFAULT_EMBEDDER
from rag.models.encoder import EncoderEmbedder, Engine
from rag.models.load import load_embedder
from rag.models.onnx_engine import OnnxEngine
from rag.models.pull import pull
from rag.models.torch_engine import CPU_BATCH_TOKENS, TorchEngine
from rag.protocols import Embedder

pytestmark = pytest.mark.models

HERE = Path(__file__).parent
TEXTS: list[str] = json.loads((HERE / "reference_texts.json").read_text(encoding="utf-8"))

Floats = NDArray[np.float32]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder(engine="onnx")


@pytest.fixture(scope="module")
def reference() -> dict[str, Floats]:
    """Unit rows by verb: what make_reference.py wrote."""
    vectors = {name: rows.astype(np.float32) for name, rows in load_file(HERE / "reference.safetensors").items()}
    return {name: rows / np.linalg.norm(rows, axis=1, keepdims=True) for name, rows in vectors.items()}


def test_there_are_a_hundred_texts_in_at_least_eight_scripts() -> None:
    import unicodedata

    scripts = {unicodedata.name(c, "").split(" ")[0] for text in TEXTS for c in text if c.isalpha()}
    assert len(TEXTS) == 100
    assert len(scripts & {"LATIN", "CJK", "HIRAGANA", "HANGUL", "ARABIC", "CYRILLIC", "GREEK", "HEBREW", "THAI"}) == 9


class One:
    """One engine for everything, without the adapter for questions."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def for_query(self) -> Engine:
        return self.engine

    def for_texts(self, tokens: int) -> Engine:
        return self.engine


def test_without_the_adapter_questions_are_embedded_as_by_the_wheels_own_engine(reference: dict[str, Floats]) -> None:
    folder = pull(DEFAULT_EMBEDDER)
    bare = EncoderEmbedder(DEFAULT_EMBEDDER, folder, "weights", One(OnnxEngine(folder)))
    found = np.concatenate([bare.embed_query(text).vectors for text in TEXTS])
    assert (found * reference["query"]).sum(axis=1).min() >= 0.999


@pytest.mark.parametrize("engine", ["onnx", "torch"])
def test_the_adapter_for_questions_brings_them_nearer_to_answers_in_another_language(engine: str) -> None:
    folder = pull(DEFAULT_EMBEDDER)
    bare = EncoderEmbedder(DEFAULT_EMBEDDER, folder, "weights", One(OnnxEngine(folder)))
    adapted = load_embedder(engine=engine)
    right, wrong = "食堂午餐每份12元，晚餐每份15元。", "The canteen is closed on public holidays."
    texts = adapted.embed_texts([right, wrong]).vectors
    question = "What does lunch in the canteen cost?"
    before, after = texts @ bare.embed_query(question).vectors[0], texts @ adapted.embed_query(question).vectors[0]
    assert after[0] - after[1] > before[0] - before[1] + 0.02


def test_the_adapters_in_the_cache_are_those_of_this_version() -> None:
    folder = pull(DEFAULT_EMBEDDER)
    for name in adapters.NAMES:
        packaged, cached = (
            load_file(path)
            for path in (Path(adapters.__file__).with_name(f"{name}.safetensors"), adapters.adapter_file(folder, name))
        )
        assert packaged.keys() == cached.keys()
        assert all((packaged[key].astype(np.float32) == cached[key]).all() for key in packaged)


def test_texts_are_embedded_as_by_the_wheels_own_engine(embedder: Embedder, reference: dict[str, Floats]) -> None:
    found = embedder.embed_texts(TEXTS).vectors
    assert (found * reference["passage"]).sum(axis=1).min() >= 0.999


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "int8"])
def test_vectors_of_the_torch_engine_may_share_an_index_with_those_of_onnx_runtime(
    embedder: Embedder, dtype: str
) -> None:
    folder = pull(DEFAULT_EMBEDDER)
    other = EncoderEmbedder(DEFAULT_EMBEDDER, folder, "weights", One(TorchEngine(folder, dtype=dtype)))
    one, two = embedder.embed_texts(TEXTS[:30], tokens=True), other.embed_texts(TEXTS[:30], tokens=True)
    assert (one.vectors * two.vectors).sum(axis=1).min() >= 0.99
    assert min((a * b).sum(axis=1).min() for a, b in zip(one.tokens, two.tokens, strict=True)) >= 0.99


def test_real_texts_are_batched_with_little_padding(embedder: Embedder) -> None:
    lengths = embedder.count_tokens(TEXTS * 5)
    batches = by_length(lengths, CPU_BATCH_TOKENS)
    padded = sum(max(lengths[n] for n in batch) * len(batch) for batch in batches)
    assert padded <= sum(lengths) / 0.95


def test_a_question_needs_no_torch_and_no_socket() -> None:
    program = """
        import sys

        def forbid(event, _):
            if event.startswith("socket."):
                raise SystemExit(f"a socket was opened: {event}")

        sys.addaudithook(forbid)
        from rag import load_embedder

        found = load_embedder().embed_query("How high is the bridge? 桥有多高?", tokens=True)
        assert found.vectors.shape == (1, 384)
        heavy = {"torch", "transformers", "sentence_transformers", "onnx", "pip"} & set(sys.modules)
        if heavy:
            raise SystemExit(f"loaded: {heavy}")
    """
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=120, check=False
    )
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_the_catalogues_sizes_are_those_of_the_cache() -> None:
    entry = CATALOGUE[DEFAULT_EMBEDDER]
    folder = pull(DEFAULT_EMBEDDER)
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size == pytest.approx(entry.disk_bytes, rel=0.02)


def test_the_cached_folder_opens_in_sentence_transformers_and_agrees(embedder: Embedder) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(pull(DEFAULT_EMBEDDER)), device="cpu", local_files_only=True)
    texts = TEXTS[::9]
    expected = embedder.embed_texts(texts).vectors
    assert (np.asarray(model.encode_document(texts)) * expected).sum(axis=1).min() > 0.99999
    bare = EncoderEmbedder(DEFAULT_EMBEDDER, pull(DEFAULT_EMBEDDER), "weights", One(OnnxEngine(pull(DEFAULT_EMBEDDER))))
    query = np.asarray(model.encode_query(texts[:1]))
    assert (query * bare.embed_query(texts[0]).vectors).sum() > 0.99999
