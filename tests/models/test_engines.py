"""The engines agree, and the right one runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from rag.errors import SettingsError
from rag.models import engines, torch_engine
from rag.models.batches import BatchThreads
from rag.models.engines import Engines
from rag.models.onnx_engine import OnnxEngine
from rag.models.torch_engine import TorchEngine
from tests.models.encoder_fixtures import tiny_file, tiny_folder

__all__ = ["tiny_file", "tiny_folder"]

BATCH = [[0, 5, 6, 7, 8, 9, 2], [0, 10, 2], [0, 11, 12, 13, 2]]


def reference(folder: Path) -> list[NDArray[np.float32]]:
    """transformers' own forward pass, one text at a time."""
    import torch
    from transformers import BertModel

    model: Any = BertModel.from_pretrained(folder, add_pooling_layer=False, attn_implementation="eager")
    model.eval()
    with torch.inference_mode():
        return [model(input_ids=torch.tensor([ids])).last_hidden_state[0].numpy() for ids in BATCH]


def test_both_engines_compute_what_transformers_computes(tiny_folder: Path) -> None:
    expected = reference(tiny_folder)
    for engine in (OnnxEngine(tiny_folder), TorchEngine(tiny_folder)):
        for found, wanted in zip(engine.hidden(BATCH), expected, strict=True):
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_batches_side_by_side_give_what_they_give_one_by_one(tiny_folder: Path) -> None:
    engine = TorchEngine(tiny_folder)
    texts = [[0, *range(4, 4 + number % 20), 2] for number in range(60)]
    found: dict[int, NDArray[np.float32]] = {}

    def work(batch: list[int]) -> None:
        found.update(zip(batch, engine.hidden([texts[n] for n in batch]), strict=True))

    for future in engine.threads.start(work, [[number] for number in range(60)]):
        future.result()
    for number, text in enumerate(texts):
        np.testing.assert_allclose(found[number], engine.hidden([text])[0], atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_torch_without_onednn_computes_the_same(
    tiny_folder: Path, dtype: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = TorchEngine(tiny_folder, dtype=dtype)
    monkeypatch.setattr(torch_engine, "has_onednn", lambda _: False)
    plain = TorchEngine(tiny_folder, dtype=dtype)
    for found, wanted in zip(ours.hidden(BATCH), plain.hidden(BATCH), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-5 if dtype == "float32" else 0.05)


@pytest.mark.parametrize("dtype", ["bfloat16", "int8"])
def test_smaller_numbers_are_near_enough(tiny_folder: Path, dtype: str) -> None:
    expected = OnnxEngine(tiny_folder).hidden(BATCH)
    for found, wanted in zip(TorchEngine(tiny_folder, dtype=dtype).hidden(BATCH), expected, strict=True):
        one, other = found.mean(axis=0), wanted.mean(axis=0)
        assert one @ other / (np.linalg.norm(one) * np.linalg.norm(other)) > 0.99


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RAG_MODELS", str(tmp_path))
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    return tmp_path


def test_questions_and_small_jobs_run_on_onnx_runtime(tiny_folder: Path, cache: Path) -> None:
    chosen = Engines(tiny_folder, "weights")
    assert chosen.for_query().name == "onnxruntime float32"
    for _ in range(100):  # sentences of answers, all day long
        assert chosen.for_texts(engines.COUNTED - 1).name == "onnxruntime float32"
    assert not (cache / engines.MEASURED).exists()


def test_a_long_job_runs_on_what_was_measured_to_be_fastest(
    tiny_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    speeds = {"onnxruntime float32": 3.0, "torch float32": 2.0, "torch bfloat16": 9.0, "torch int8": 9.5}
    monkeypatch.setattr(engines, "_speed", lambda engine, _sample: speeds[engine.name])
    chosen = Engines(tiny_folder, "weights")
    assert chosen.for_texts(engines.LONG_JOB // 2).name == "onnxruntime float32"
    assert chosen.for_texts(engines.LONG_JOB // 2).name == "torch int8"
    assert chosen.for_query().name == "onnxruntime float32"
    assert list(json.loads((cache / engines.MEASURED).read_text()).values()) == [speeds]


def test_what_does_not_agree_with_float32_is_not_chosen(
    tiny_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on processors whose 8-bit products saturate."""
    monkeypatch.setattr("rag.models.products.STEPS", 1)
    monkeypatch.setattr(engines, "_speed", lambda engine, _sample: 9.0 if "int8" in engine.name else 1.0)
    assert "int8" not in Engines(tiny_folder, "weights").for_long_job().name
    assert "torch int8" not in (cache / engines.MEASURED).read_text()


def test_what_cannot_run_here_is_not_chosen(tiny_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise NotImplementedError("'_int_mm' not implemented for this processor")

    monkeypatch.setattr("torch._int_mm", refuse)
    assert "int8" not in Engines(tiny_folder, "weights").for_long_job().name


class SlowEngine:
    """Takes a virtual second for each token."""

    name = "slow"
    batch_tokens = 1

    def __init__(self) -> None:
        self.seconds = 0.0
        self.threads = BatchThreads(1)

    def hidden(self, sequences: Sequence[Sequence[int]]) -> list[NDArray[np.float32]]:
        self.seconds += sum(map(len, sequences))
        return []


def test_a_slow_engine_is_not_measured_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    slow = SlowEngine()
    monkeypatch.setattr("time.thread_time", lambda: slow.seconds)
    assert engines._speed(slow, [[1] * 128] * 4) == pytest.approx(1.0)
    assert slow.seconds == engines._PROBE


def test_a_measurement_is_made_once(tiny_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Engines(tiny_folder, "weights").for_long_job().name
    monkeypatch.setattr(engines, "_speed", lambda *_: pytest.fail("measured again"))
    assert Engines(tiny_folder, "weights").for_long_job().name == first


@pytest.mark.parametrize("content", ["", "[]", '{"a": 1}', "{"])
def test_a_damaged_record_of_measurements_is_measured_again(tiny_folder: Path, cache: Path, content: str) -> None:
    (cache / engines.MEASURED).write_text(content)
    assert Engines(tiny_folder, "weights").for_long_job().name
    assert len(json.loads((cache / engines.MEASURED).read_text())) == 1


def test_engine_onnx_stays_on_onnx_runtime_and_engine_torch_on_torch(tiny_folder: Path, cache: Path) -> None:
    assert Engines(tiny_folder, "w", engine="onnx").for_texts(10**9).name == "onnxruntime float32"
    torch_alone = Engines(tiny_folder, "w", engine="torch")
    assert torch_alone.for_query().name.startswith("torch ")
    assert torch_alone.for_texts(1).name.startswith("torch ")


def test_wrong_choices_are_refused_when_the_model_is_loaded(tiny_folder: Path, cache: Path) -> None:
    with pytest.raises(SettingsError, match="engine = 'fast' is not one of: auto, onnx, torch"):
        Engines(tiny_folder, "w", engine="fast")
    with pytest.raises(SettingsError, match="torch sees no CUDA device"):
        Engines(tiny_folder, "w", device="cuda")
    with pytest.raises(SettingsError, match="torch sees no Apple GPU"):
        Engines(tiny_folder, "w", device="mps")


def test_onnx_runtime_on_a_gpu_is_refused(tiny_folder: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    with pytest.raises(SettingsError, match="engine = 'onnx' runs on the CPU"):
        Engines(tiny_folder, "w", device="cuda", engine="onnx")
