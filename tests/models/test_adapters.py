"""Adapters: what they add is added alike by every engine, and only to the model that they were made for."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load_file

from rag.models import engines
from rag.models.adapters import QUESTION, READER, adapter_file, graph_file, install
from rag.models.encoder import EncoderEmbedder
from rag.models.engines import Engines
from rag.models.onnx_engine import OnnxEngine
from rag.models.passage_reader import EncoderReader
from rag.models.torch_engine import TorchEngine
from tests.models.encoder_fixtures import tiny_file, tiny_folder  # noqa: F401 (fixtures)
from tests.models.tiny_adapters import write_adapters

IDS = [[0, 5, 9, 30, 2], [0, 7, 2]]
QUESTION_TEXT, PASSAGES = "the pump?", ["the seal is grey. the pump runs", "水泵的是水泵"]


@pytest.fixture
def adapted(tiny_folder: Path, tmp_path: Path) -> Path:  # noqa: F811
    """The tiny model with both adapters."""
    folder = tmp_path / "adapted"
    shutil.copytree(tiny_folder, folder)
    write_adapters(tmp_path, "base")
    install(folder, "base", tmp_path)
    return folder


@pytest.mark.parametrize("name", [QUESTION, READER])
def test_every_engine_adds_the_same(adapted: Path, name: str) -> None:
    bare = OnnxEngine(adapted).hidden(IDS)
    one = OnnxEngine(adapted, adapter=name).hidden(IDS)
    two = TorchEngine(adapted, adapter=name).hidden(IDS)
    for plain, first, second in zip(bare, one, two, strict=True):
        assert np.abs(first - second).max() < 2e-3
        assert np.abs(first - plain).max() > 0.05


def test_with_an_adapter_torch_computes_in_floats(
    adapted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the reader says is compared with a threshold."""
    monkeypatch.setenv("RAG_MODELS", str(tmp_path))
    monkeypatch.setattr(engines, "_speed", lambda engine, _sample: 9.0 if "int8" in engine.name else 1.0)
    chosen = Engines(adapted, "weights", engine="torch", device="cpu")
    assert chosen.for_long_job().name == "torch int8"
    assert chosen.for_query().name == chosen.for_reader().name == "torch float32"


def test_an_adapter_of_another_model_is_left_alone(tiny_folder: Path, tmp_path: Path) -> None:  # noqa: F811
    folder = tmp_path / "other"
    shutil.copytree(tiny_folder, folder)
    write_adapters(tmp_path, "another base")
    install(folder, "base", tmp_path)
    assert not adapter_file(folder, QUESTION).exists()
    assert not graph_file(folder, READER).exists()
    embedder = EncoderEmbedder("tiny", folder, "weights", Engines(folder, "weights", engine="onnx"))
    assert (embedder.neutral, embedder.token_mean) == (False, None)


def test_only_questions_are_embedded_with_the_adapter(adapted: Path, tiny_folder: Path) -> None:  # noqa: F811
    with_it, without = (
        EncoderEmbedder("tiny", folder, "weights", Engines(folder, "weights", engine="onnx"))
        for folder in (adapted, tiny_folder)
    )
    assert with_it.neutral
    assert with_it.fingerprint == without.fingerprint
    assert with_it.token_mean is not None
    assert with_it.token_mean.shape == (with_it.dimension,)
    np.testing.assert_allclose(with_it.embed_texts(PASSAGES).vectors, without.embed_texts(PASSAGES).vectors, atol=1e-6)
    assert np.abs(with_it.embed_query(QUESTION_TEXT).vectors - without.embed_query(QUESTION_TEXT).vectors).max() > 0.01


def test_a_torch_engine_reads_questions_with_the_adapter_too(adapted: Path) -> None:
    onnx, torch = (
        EncoderEmbedder("tiny", adapted, "weights", Engines(adapted, "weights", engine=engine, device="cpu"))
        for engine in ("onnx", "torch")
    )
    one, two = onnx.embed_query(QUESTION_TEXT).vectors, torch.embed_query(QUESTION_TEXT).vectors
    assert (one * two).sum() > 0.99
    assert "torch" in torch.engine


def test_a_reading_covers_the_passages_tokens_with_probabilities(adapted: Path) -> None:
    reader = EncoderReader(adapted, OnnxEngine(adapted, adapter=READER))
    readings = reader.read(QUESTION_TEXT, PASSAGES)
    assert len(readings) == len(PASSAGES)
    for reading, passage in zip(readings, PASSAGES, strict=True):
        assert reading.starts.sum() == pytest.approx(1, abs=1e-5)
        assert reading.ends.sum() == pytest.approx(1, abs=1e-5)
        assert max(end for _, end in reading.offsets) == len(passage)


def test_a_reading_is_the_same_beside_other_passages_and_on_every_engine(adapted: Path) -> None:
    together = EncoderReader(adapted, OnnxEngine(adapted, adapter=READER)).read(QUESTION_TEXT, PASSAGES)
    alone = EncoderReader(adapted, TorchEngine(adapted, adapter=READER)).read(QUESTION_TEXT, PASSAGES[1:])
    assert together[1].answered == pytest.approx(alone[0].answered, abs=1e-2)
    np.testing.assert_allclose(together[1].starts, alone[0].starts, atol=1e-2)


def test_a_passage_that_is_too_long_is_read_in_windows_to_its_end(
    adapted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader = EncoderReader(adapted, OnnxEngine(adapted, adapter=READER))
    long = " ".join(["the pump runs"] * 20)
    seen: list[int] = []
    inner = reader._engine.hidden

    def watched(ids: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        seen.extend(map(len, ids))
        return inner(ids)

    monkeypatch.setattr(reader._engine, "hidden", watched)
    (reading,) = reader.read(QUESTION_TEXT, [long])
    assert len(seen) > 1
    assert max(seen) <= 48
    assert long[reading.offsets[0][0] : reading.offsets[-1][1]].strip() in long


def test_a_passage_without_text_has_no_tokens(adapted: Path) -> None:
    (reading,) = EncoderReader(adapted, OnnxEngine(adapted, adapter=READER)).read(QUESTION_TEXT, [""])
    assert (reading.offsets, len(reading.starts), len(reading.ends)) == ((), 0, 0)


def test_the_files_name_their_base(adapted: Path) -> None:
    assert load_file(adapter_file(adapted, QUESTION)).keys() >= {"token_mean", "encoder.layer.0.output.dense.A"}
