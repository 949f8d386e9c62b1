"""GGUF files, written here from tiny models, give back the model they were made from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gguf import GGMLQuantizationType, GGUFWriter
from gguf.quants import dequantize, quantize
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models import gguf_weights
from rag.models.gguf_weights import convert

WORDS = 300
HEADS, KV_HEADS, HIDDEN, LAYERS = 4, 2, 64, 2
GGUF_NAMES = {hub: gguf for gguf, hub in gguf_weights._NAMES.items()}


def tiny(architecture: str, *, tied: bool = True) -> Any:
    import torch
    import transformers

    torch.manual_seed(3)
    kind = {"llama": "Llama", "qwen2": "Qwen2", "qwen3": "Qwen3"}[architecture]
    config = getattr(transformers, f"{kind}Config")(
        vocab_size=WORDS, hidden_size=HIDDEN, intermediate_size=128, num_hidden_layers=LAYERS, head_dim=HIDDEN // HEADS,
        num_attention_heads=HEADS, num_key_value_heads=KV_HEADS, max_position_embeddings=128, initializer_range=0.3,
        rope_theta=50_000.0, rms_norm_eps=1e-5, tie_word_embeddings=tied, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    model = getattr(transformers, f"{kind}ForCausalLM")(config).eval()
    for name, parameter in model.named_parameters():  # biases and norms start as constants
        if parameter.dim() == 1:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
        del name
    return model


def gguf_name(name: str) -> str:
    """`model.layers.0.mlp.up_proj.weight` → `blk.0.ffn_up.weight`"""
    stem, kind = name.rsplit(".", 1)
    if stem.startswith("model.layers."):
        layer, part = stem.removeprefix("model.layers.").split(".", 1)
        return f"blk.{layer}.{GGUF_NAMES[part]}.{kind}"
    return f"{GGUF_NAMES[stem]}.{kind}"


def interleave(values: NDArray[np.float32], heads: int) -> NDArray[np.float32]:
    """llama.cpp's order of the rows of Llama's q and k: halves of each head alternate."""
    halves = values.reshape(heads, 2, values.shape[0] // heads // 2, *values.shape[1:])
    return halves.swapaxes(1, 2).reshape(values.shape)


def vocabulary() -> tuple[list[str], list[int], list[str]]:
    """Byte-level tokens with two control tokens in front, their types, and merges."""
    from tokenizers import pre_tokenizers

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = ["t h", "th e", "Ġ the", "i n", "1 2", "Ġ Ġ"]
    tokens = ["<|im_start|>", "<|im_end|>", *alphabet, *(merge.replace(" ", "") for merge in merges)]
    unused = [f"<unused{number}>" for number in range(WORDS - len(tokens))]
    return [*tokens, *unused], [3, 3, *[1] * (len(tokens) - 2), *[5] * len(unused)], merges


def write_gguf(
    path: Path,
    architecture: str,
    model: Any,
    *,
    pre: str = "smollm",
    context: int = 128,
    chat_template: str = "{{ messages[0]['content'] }}",
    edit: Callable[[GGUFWriter], None] = lambda _: None,
) -> dict[str, NDArray[np.float32]]:
    """Write the model with its matrices as Q8_0; the values that are then in the file, by hub name."""
    writer = GGUFWriter(path, architecture)
    writer.add_block_count(LAYERS)
    writer.add_context_length(context)
    writer.add_embedding_length(HIDDEN)
    writer.add_feed_forward_length(128)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_freq_base(50_000.0)
    writer.add_layer_norm_rms_eps(1e-5)
    tokens, kinds, merges = vocabulary()
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(merges)
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_chat_template(chat_template)
    edit(writer)
    values = {}
    for name, tensor in model.named_parameters():
        array: NDArray[np.float32] = tensor.detach().numpy()
        kind = GGMLQuantizationType.Q8_0 if array.ndim == 2 else GGMLQuantizationType.F32
        packed = quantize(array, kind)
        values[name] = dequantize(packed, kind).reshape(array.shape)
        if architecture == "llama" and ("q_proj" in name or "k_proj" in name):
            packed = quantize(interleave(array, HEADS if "q_proj" in name else KV_HEADS), kind)
        writer.add_tensor(gguf_name(name), packed, raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return values


@pytest.mark.parametrize(
    ("architecture", "tied"), [("llama", True), ("llama", False), ("qwen2", True), ("qwen3", True)]
)
def test_the_converted_model_computes_what_the_original_does(architecture: str, tied: bool, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    original = tiny(architecture, tied=tied)
    values = write_gguf(tmp_path / "m.gguf", architecture, original)
    convert(tmp_path / "m.gguf", tmp_path / "hub")
    with torch.inference_mode():
        for name, parameter in original.named_parameters():
            parameter.copy_(torch.from_numpy(values[name]).bfloat16())
    converted: Any = AutoModelForCausalLM.from_pretrained(tmp_path / "hub", dtype=torch.float32, local_files_only=True)
    assert type(converted) is type(original)
    ids = torch.arange(5, 45)[None]
    with torch.inference_mode():
        assert torch.allclose(converted(ids).logits, original(ids).logits, atol=1e-4)


def test_conversion_loads_no_torch_and_leaves_the_source_alone(tmp_path: Path) -> None:
    import subprocess
    import sys

    write_gguf(tmp_path / "m.gguf", "llama", tiny("llama"))
    (tmp_path / "source").mkdir()
    source = (tmp_path / "m.gguf").rename(tmp_path / "source" / "m.gguf")
    code = (
        "import sys; from pathlib import Path; from rag.models.gguf_weights import convert; "
        f"convert(Path({str(source)!r}), Path({str(tmp_path / 'hub')!r})); print('torch' in sys.modules)"
    )
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert output.strip() == "False"
    assert [path.name for path in source.parent.iterdir()] == ["m.gguf"]


def test_progress_counts_the_tensors(tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", "llama", tiny("llama"))
    seen: list[tuple[int, int]] = []
    convert(tmp_path / "m.gguf", tmp_path / "hub", lambda done, total: seen.append((done, total)))
    assert seen == [(done, len(seen)) for done in range(1, len(seen) + 1)]
    assert len(seen) == 2 + LAYERS * 9


@pytest.mark.parametrize(
    ("pre", "text", "expected"),
    [
        ("smollm", "the 12 the", ["the", "Ġ", "1", "2", "Ġthe"]),
        ("gpt-2", "the 12 the", ["the", "Ġ", "12", "Ġthe"]),
        ("llama-bpe", "12the", ["12", "the"]),
        ("qwen2", "12the", ["1", "2", "the"]),
    ],
)
def test_text_is_cut_as_the_file_says(pre: str, text: str, expected: list[str], tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    write_gguf(tmp_path / "m.gguf", "llama", tiny("llama"), pre=pre)
    convert(tmp_path / "m.gguf", tmp_path / "hub")
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "hub", local_files_only=True)
    assert tokenizer.tokenize(text) == expected
    for every in ("naïve café 2023-04-05", "你好,世界", "  two  spaces\n\n\ttab", "🌉"):
        assert tokenizer.decode(tokenizer(every)["input_ids"]) == every


def test_special_tokens_and_the_chat_template_come_along(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    def edit(writer: GGUFWriter) -> None:
        writer.add_add_bos_token(True)
        writer.add_eot_token_id(7)

    write_gguf(tmp_path / "m.gguf", "llama", tiny("llama"), edit=edit)
    convert(tmp_path / "m.gguf", tmp_path / "hub")
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "hub", local_files_only=True)
    ids = tokenizer("the<|im_end|>")["input_ids"]
    assert tokenizer.convert_ids_to_tokens(ids) == ["<|im_start|>", "the", "<|im_end|>"]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "the"
    assert tokenizer.chat_template == "{{ messages[0]['content'] }}"
    assert tokenizer.model_max_length == 128
    generation = json.loads((tmp_path / "hub" / "generation_config.json").read_text(encoding="utf-8"))
    assert generation == {"bos_token_id": 0, "eos_token_id": [1, 7]}


def test_what_the_conversion_does_not_cover_is_refused_by_name(tmp_path: Path) -> None:
    model = tiny("llama")
    write_gguf(tmp_path / "pre.gguf", "llama", model, pre="poro-chat")
    with pytest.raises(ModelError, match=r"'poro-chat' splitting.*Use the model's safetensors"):
        convert(tmp_path / "pre.gguf", tmp_path / "hub")
    write_gguf(
        tmp_path / "rope.gguf",
        "llama",
        model,
        edit=lambda writer: writer.add_tensor("rope_freqs.weight", np.ones(8, np.float32)),
    )
    with pytest.raises(ModelError, match=r"the tensor 'rope_freqs.weight'"):
        convert(tmp_path / "rope.gguf", tmp_path / "hub")
    write_gguf(tmp_path / "mamba.gguf", "mamba", model)
    with pytest.raises(ModelError, match=r"the architecture 'mamba'.*llama, qwen2, qwen3"):
        convert(tmp_path / "mamba.gguf", tmp_path / "hub")
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize("keep", [0, 3, 40, 2000, -5000])
def test_a_damaged_file_is_one_clear_line(keep: int, tmp_path: Path) -> None:
    write_gguf(tmp_path / "m.gguf", "llama", tiny("llama"))
    content = (tmp_path / "m.gguf").read_bytes()
    (tmp_path / "m.gguf").write_bytes(content[:keep])
    with pytest.raises(ModelError, match="not a readable GGUF file"):
        convert(tmp_path / "m.gguf", tmp_path / "hub")


def test_sizes_that_do_not_go_with_the_weights_are_one_clear_line(tmp_path: Path) -> None:
    def edit(writer: GGUFWriter) -> None:
        writer.kv_data[0]["llama.attention.head_count"].value = 5

    write_gguf(tmp_path / "m.gguf", "llama", tiny("llama"), edit=edit)
    with pytest.raises(ModelError, match=r"not a readable GGUF file: .*reshape"):
        convert(tmp_path / "m.gguf", tmp_path / "hub")


def test_rounding_is_to_the_nearest_bfloat16() -> None:
    import torch

    values = np.random.default_rng(1).standard_normal(1000).astype(np.float32)
    (rounded,) = gguf_weights._bfloat16({"x": (values.shape, lambda: values)})
    expected = torch.from_numpy(values).bfloat16().view(torch.uint16).numpy()
    assert (np.frombuffer(rounded, "<u2") == expected).all()
