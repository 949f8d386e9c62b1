"""Where a language model lies: on one device or several, whole or quantised, with an adapter. No test has a GPU."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from rag.datatypes import Sampling
from rag.errors import ModelError, SettingsError
from rag.models import placement as placements
from rag.models.checkpoint import load_config, load_weights, resolved
from rag.models.language import open_language_model
from rag.models.load import load_language_model
from rag.models.placement import Placement, placement
from tests.models.tiny_models import MESSAGES, make_model


def needs(package: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(package) is None, reason=f"{package} is not installed")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model("llama", tmp_path_factory.mktemp("base"), width=64)  # 4 bits come in blocks of 64


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two CUDA devices, as far as anyone asks, and all packages."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    monkeypatch.setattr(placements, "_installed", lambda package: True)


def written(model: Any) -> str:
    return "".join(model.generate(MESSAGES, Sampling(16)))


# ---------------------------------------------------------------- what is decided


def test_one_device_takes_a_whole_model_as_before() -> None:
    assert placement("cpu") == Placement("cpu")
    assert Placement("cpu").options(None) == {}


def test_several_gpus_share_a_model_unless_one_is_chosen(gpus: None) -> None:
    assert placement("auto") == placement("cuda:all") == Placement("cuda", spread=True)
    assert placement("cuda:1") == Placement("cuda:1")
    assert placement("auto").options(None) == {"device_map": "auto"}


def test_without_accelerate_several_gpus_are_an_error_only_where_they_were_asked_for(
    gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(placements, "_installed", lambda package: False)
    assert placement("auto") == Placement("cuda")
    with pytest.raises(ModelError, match=r"device = 'cuda:all' needs the package accelerate.*pip install accelerate"):
        placement("cuda:all")


def test_quantised_weights_are_asked_for_as_bitsandbytes_documents_it(gpus: None) -> None:
    four = placement("cuda:1", "4bit").options("bfloat16")
    assert four["device_map"] == {"": "cuda:1"}
    described = four["quantization_config"]
    assert (described.load_in_4bit, described.bnb_4bit_quant_type) == (True, "nf4")
    assert placement("cuda", "8bit").options(None)["quantization_config"].load_in_8bit


def test_quantisation_without_a_gpu_or_without_its_package_names_the_fix(
    gpus: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SettingsError, match=r"quantization = '8bit' needs a CUDA device.*a GGUF file"):
        placement("cpu", "8bit")
    monkeypatch.setattr(placements, "_installed", lambda package: package != "bitsandbytes")
    with pytest.raises(ModelError, match=r"needs the package bitsandbytes.*pip install bitsandbytes"):
        placement("cuda", "4bit")


def test_what_is_no_model_of_transformers_cannot_be_quantised() -> None:
    with pytest.raises(SettingsError, match="goes with a model of transformers, which smollm2-135m-instruct is not"):
        load_language_model(quantization="4bit")


# ---------------------------------------------------------------- what is loaded, on the CPU


@needs("accelerate")
def test_a_model_that_accelerate_lays_out_writes_the_same(base: Path) -> None:
    checkpoint = resolved(base)
    whole = open_language_model(base, device="cpu")
    laid_out = load_weights(checkpoint, load_config(checkpoint), Placement("cpu", spread=True))
    expected = written(whole)
    whole._model = laid_out
    assert written(whole) == expected


@needs("bitsandbytes")
@pytest.mark.parametrize(("quantization", "layer"), [("8bit", "Linear8bitLt"), ("4bit", "Linear4bit")])
def test_quantised_weights_write(base: Path, quantization: Any, layer: str) -> None:
    checkpoint = resolved(base)
    model = open_language_model(base, device="cpu")
    model._model = load_weights(checkpoint, load_config(checkpoint), Placement("cpu", quantization=quantization))
    assert type(model._model.model.layers[0].mlp.up_proj).__name__ == layer
    assert written(model)


# ---------------------------------------------------------------- adapters

peft_may_warn = pytest.mark.filterwarnings("ignore::FutureWarning")  # peft about transformers


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a LoRA adapter over `base`, whose weights are far from nothing."""
    peft = pytest.importorskip("peft", reason="peft is not installed")
    import torch
    from transformers import AutoModelForCausalLM

    torch.manual_seed(5)
    folder = tmp_path_factory.mktemp("adapter")
    config = peft.LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    model = peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base, local_files_only=True), config)
    for name, parameter in model.named_parameters():
        if "lora" in name:
            torch.nn.init.normal_(parameter, std=0.7)
    model.save_pretrained(folder)
    return folder


@peft_may_warn
def test_an_adapter_changes_what_its_base_model_writes(
    adapter: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    monkeypatch.setattr("rag.models.checkpoint.dtype_for", lambda *_, **__: torch.float32)
    model = open_language_model(adapter, device="cpu")
    assert model.name == str(adapter)
    assert written(model) != written(open_language_model(base, device="cpu"))
    merging: Any = pytest.importorskip("peft").PeftModel
    plain = AutoModelForCausalLM.from_pretrained(base, local_files_only=True)
    merged = merging.from_pretrained(plain, adapter).merge_and_unload().eval()
    ids = torch.tensor([model._ids(model.render(MESSAGES))])
    with torch.inference_mode():
        torch.testing.assert_close(model._model(ids).logits, merged(ids).logits, rtol=1e-3, atol=1e-3)


@peft_may_warn
def test_an_adapter_that_does_not_fit_is_one_line(adapter: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(adapter, tmp_path / "a")
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors.pop(next(iter(tensors)))
    save_file(tensors, folder / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="does not go with its base model"):
        open_language_model(folder, device="cpu")


def described(folder: Path, **config: str | None) -> Path:
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def test_an_adapter_without_peft_names_the_package(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (described(tmp_path, peft_type="LORA", base_model_name_or_path=str(base)) / "adapter_model.safetensors").touch()
    monkeypatch.setattr(placements, "_installed", lambda package: False)
    with pytest.raises(ModelError, match=r"needs the package peft.*pip install peft"):
        open_language_model(tmp_path, device="cpu")


def test_adapters_that_are_not_read_are_named(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match="names no adapter and no base model"):
        open_language_model(described(tmp_path, peft_type="LORA"))
    with pytest.raises(ModelError, match="names no adapter and no base model"):
        open_language_model(described(tmp_path, peft_type="LORA", base_model_name_or_path=None))
    with pytest.raises(ModelError, match="of the kind PROMPT_TUNING; only LORA"):
        open_language_model(described(tmp_path, peft_type="PROMPT_TUNING", base_model_name_or_path=str(base)))
    (tmp_path / "adapter_model.safetensors").touch()
    with pytest.raises(ModelError, match="is an adapter of an adapter"):
        open_language_model(described(tmp_path, peft_type="LORA", base_model_name_or_path=str(tmp_path)))
    monkeypatch.chdir(tmp_path.parent)
    with pytest.raises(ModelError, match="is an adapter of an adapter"):  # as peft writes a base beside it
        open_language_model(described(tmp_path, peft_type="LORA", base_model_name_or_path=tmp_path.name))
    (tmp_path / "adapter_model.safetensors").rename(tmp_path / "adapter_model.bin")
    with pytest.raises(ModelError, match=r"holds no adapter_model\.safetensors; pickled weights are never read"):
        open_language_model(described(tmp_path, peft_type="LORA", base_model_name_or_path=str(base)))
