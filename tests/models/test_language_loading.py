"""What may be opened as a language model, and what is refused with which words."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.datatypes import Sampling
from rag.errors import ModelError, ModelMissing
from rag.models import checkpoint, language
from rag.models.checkpoint import Checkpoint
from rag.models.language import open_language_model
from tests.models.tiny_models import MESSAGES, make_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model("gpt2", tmp_path_factory.mktemp("gpt2"))


def test_a_folder_with_pickled_weights_alone_is_refused(folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        if path.suffix == ".json":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "pytorch_model.bin").write_bytes(b"never read")
    with pytest.raises(ModelError, match=r"weights as pickles only \(pytorch_model.bin\).*model\.safetensors"):
        open_language_model(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"holds no \*\.safetensors"):
        open_language_model(tmp_path)


@pytest.mark.parametrize("name", ["./nowhere", "models/of/mine", "mine.gguf", "~/nowhere", "C:\\models"])
def test_a_path_where_nothing_lies_is_not_looked_up_on_the_hub(name: str, socket_disabled: None) -> None:
    with pytest.raises(ModelMissing, match="there is no model at"):
        open_language_model(name)


def test_a_hub_model_in_the_hubs_cache_is_opened_without_asking_the_network(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, socket_disabled: None
) -> None:
    monkeypatch.setattr(language, "resolved", lambda name: Checkpoint(str(folder), local=False))
    assert open_language_model("tiny/model", device="cpu").name == "tiny/model"
    assert not caplog.records


def test_a_hub_model_that_is_not_there_is_fetched_and_announced(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    asked: list[bool] = []

    def config(source: Checkpoint) -> Any:
        asked.append(source.local)
        if source.local:
            raise ModelError("not in the hub's cache") from FileNotFoundError("config.json")
        return checkpoint.load_config(replace(source, local=True))

    monkeypatch.setattr(language, "resolved", lambda name: Checkpoint(str(folder), local=False))
    monkeypatch.setattr(language, "load_config", config)
    open_language_model("tiny/model", device="cpu")
    assert asked == [True, False]
    assert f"Fetching {folder} from the Hugging Face hub once" in caplog.text


def test_what_is_wrong_with_a_hub_model_in_the_cache_is_said_without_asking_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, socket_disabled: None
) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert", "architectures": ["BertModel"]}')
    monkeypatch.setattr(language, "resolved", lambda name: Checkpoint(str(tmp_path), local=False))
    with pytest.raises(ModelError, match="is BertModel, which does not generate text"):
        open_language_model("tiny/model")


def test_a_fetch_that_breaks_off_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub.errors import HfHubHTTPError
    from transformers import AutoConfig

    transport: Any = HfHubHTTPError.__bases__[0]  # of the HTTP library that the hub's uses

    def fail(*_: object, local_files_only: bool, **__: object) -> None:
        raise OSError("not here") if local_files_only else transport("timed out")

    monkeypatch.setattr(AutoConfig, "from_pretrained", fail)
    with pytest.raises(ModelMissing, match="tiny/model cannot be loaded from the hub: timed out"):
        open_language_model("tiny/model")


def test_an_encoder_is_refused_as_a_generator(tmp_path: Path) -> None:
    import transformers

    config = transformers.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    transformers.BertModel(config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match="is BertModel, which does not generate text"):
        open_language_model(tmp_path)


@pytest.mark.parametrize("changes", [{"n_embd": 64}, {"n_layer": "two"}, {"n_head": 3}, {"dtype": "float99"}])
def test_a_config_that_makes_no_sense_is_one_line(folder: Path, tmp_path: Path, changes: dict[str, Any]) -> None:
    config = Path(shutil.copytree(folder, tmp_path / "m")) / "config.json"
    config.write_text(json.dumps(json.loads(config.read_text()) | changes))
    with pytest.raises(ModelError, match=r"cannot be loaded: .* Fetch it again, whole"):
        open_language_model(tmp_path / "m", device="cpu")


def test_damaged_and_missing_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    weights = shutil.copytree(folder, tmp_path / "m") / "model.safetensors"
    tensors = load_file(weights)
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    with pytest.raises(ModelError, match=r"cannot be loaded: .* Fetch it again"):
        open_language_model(tmp_path / "m")
    del tensors["transformer.h.1.mlp.c_fc.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lacks 1 of its weights \(transformer.h.1.mlp.c_fc.weight"):
        open_language_model(tmp_path / "m")


def test_a_gguf_file_is_converted_once_into_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def convert(source: Path, folder: Path) -> None:
        made.append(source)
        make_model("gpt2", folder)

    monkeypatch.setenv("RAG_MODELS", str(tmp_path / "cache"))
    monkeypatch.setattr(checkpoint, "convert", convert)
    (tmp_path / "mine").mkdir()
    source = tmp_path / "mine" / "tiny.gguf"
    source.write_bytes(b"GGUF")
    texts = {"".join(open_language_model(source).generate(MESSAGES, Sampling(8))) for _ in range(2)}
    assert (len(texts), made) == (1, [source])
    assert [path.name for path in source.parent.iterdir()] == ["tiny.gguf"]
    (folder,) = (tmp_path / "cache").glob("[!.]*")
    assert folder.name.startswith("gguf-tiny-")
    assert not list((tmp_path / "cache").glob(".*.part"))


def test_what_a_killed_conversion_left_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = tmp_path / "tiny.gguf"
    source.write_bytes(b"GGUF")
    monkeypatch.setenv("RAG_MODELS", str(tmp_path / "cache"))
    monkeypatch.setattr(checkpoint, "convert", lambda source, folder: make_model("gpt2", folder))
    folder = checkpoint._converted(source)
    left = folder.with_name(f".{folder.name}-killed.part")
    folder.rename(left)
    assert checkpoint._converted(source) == folder
    assert folder.is_dir()
    assert not left.exists()


def test_a_gguf_file_that_cannot_be_converted_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_MODELS", str(tmp_path / "cache"))
    (tmp_path / "bad.gguf").write_bytes(b"not a model")
    with pytest.raises(ModelError, match="not a readable GGUF file"):
        open_language_model(tmp_path / "bad.gguf")
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".lock"]


# ---------------------------------------------------------------- dtype by device


@pytest.mark.parametrize(
    ("device", "capabilities", "encoder_decoder", "expected"),
    [
        ("cpu", {"amx_bf16": True}, False, "bfloat16"),
        ("cpu", {"avx512_bf16": True}, True, "bfloat16"),
        ("cpu", {"avx2": True, "avx512_bf16": False}, False, "float32"),
        ("mps", {}, False, "float16"),
        ("mps", {}, True, "float32"),
        ("cuda:1", {"cuda": True}, False, "bfloat16"),
        ("cuda", {"cuda": False}, False, "float16"),
        ("cuda", {"cuda": False}, True, "float32"),
    ],
)
def test_the_dtype_is_what_the_device_runs_well(
    device: str, capabilities: dict[str, bool], encoder_decoder: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: capabilities["cuda"])
    assert checkpoint.dtype_for(device, encoder_decoder=encoder_decoder) is getattr(torch, expected)
