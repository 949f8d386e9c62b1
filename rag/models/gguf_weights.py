"""GGUF file → a folder in the hub's layout, dequantised once: config, tokenizer, chat template, weights.

    convert(source, folder)      a few seconds for 135M parameters, without torch, one tensor in memory at a time

Covers decoders of the Llama family (Llama, Mistral, Qwen2, Qwen3) with byte-level BPE vocabularies. Anything in the
file that this module does not know is refused by name, never guessed.

transformers (5.23) can read GGUF as well, but needs a further package (accelerate), takes about four times as long
and cannot save what it has read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Tensors = dict[str, tuple[tuple[int, ...], Callable[[], NDArray[np.float32]]]]

ARCHITECTURES = {"llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM"}

# llama.cpp interleaves the two halves of each rotary pair in these; the hub's layout keeps them apart.
INTERLEAVED = {"llama"}

_NAMES = {
    "token_embd": "model.embed_tokens",
    "output_norm": "model.norm",
    "output": "lm_head",
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TENSOR = re.compile(r"(?:blk\.(?P<layer>\d+)\.)?(?P<part>\w+)\.(?P<kind>weight|bias)")

# How text is cut before the merges apply, by `tokenizer.ggml.pre`; the expressions are those of the models' own
# tokenizer.json. None stands for GPT-2's, which ByteLevel has built in.
_LLAMA3_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_SPLITS: dict[str, str | None] = {
    "gpt-2": None,
    "smollm": None,
    "llama3": _LLAMA3_SPLIT,
    "llama-v3": _LLAMA3_SPLIT,
    "llama-bpe": _LLAMA3_SPLIT,
    "qwen2": _LLAMA3_SPLIT.replace(r"\p{N}{1,3}", r"\p{N}"),
}
_CONTROL, _USER_DEFINED = 3, 4


def convert(source: Path, folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write the model in the GGUF file `source` into `folder` (made if missing) as bfloat16 safetensors.

    `progress` is called with (tensors written, tensors in all). A failure may leave files in `folder`: callers
    convert into a temporary folder and rename it. Raises ModelError for a file that is damaged or not covered.
    """
    with _readable(source):
        metadata, tensors = _read(source)
        config = _config(metadata, tensors)
        tokenizer = _tokenizer(metadata)
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {
        "config.json": config,
        "generation_config.json": {key: config[key] for key in _TOKEN_IDS if key in config},
        "tokenizer_config.json": _tokenizer_config(metadata, config),
    }.items():
        (folder / name).write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    tokenizer.save(str(folder / "tokenizer.json"))
    with _readable(source):  # it is read on while this is written
        _write_safetensors(folder / "model.safetensors", tensors, progress or (lambda _done, _total: None))


@contextmanager
def _readable(source: Path) -> Iterator[None]:
    """What a damaged file leads to as a ModelError."""
    try:
        yield
    except (KeyError, IndexError, ValueError, TypeError, OverflowError) as problem:
        raise ModelError(
            f"{source} is not a readable GGUF file: {problem!r}. Fetch the file again, or use another model."
        ) from problem


# ---------------------------------------------------------------- reading


def _read(source: Path) -> tuple[dict[str, Any], Tensors]:
    """The file's key-value pairs, and per hub tensor name its shape and a function that dequantises it."""
    from gguf import GGUFReader

    reader = GGUFReader(source, "r")
    metadata = {name: field.contents() for name, field in reader.fields.items()}
    architecture = metadata["general.architecture"]
    if architecture not in ARCHITECTURES:
        raise _not_covered(source, f"the architecture {architecture!r}", ARCHITECTURES)
    scaling = metadata.get(f"{architecture}.rope.scaling.type", "none")
    if scaling != "none":
        raise _not_covered(source, f"{scaling!r} scaling of positions", ["none"])
    if metadata.get("tokenizer.ggml.model") != "gpt2":
        raise _not_covered(source, f"a {metadata.get('tokenizer.ggml.model')!r} vocabulary", ["gpt2"])
    if metadata.get("tokenizer.ggml.pre") not in _SPLITS:
        raise _not_covered(source, f"{metadata.get('tokenizer.ggml.pre')!r} splitting", _SPLITS)
    tensors: Tensors = {}
    for tensor in reader.tensors:
        match = _TENSOR.fullmatch(tensor.name)
        if match is None or match["part"] not in _NAMES:
            raise _not_covered(source, f"the tensor {tensor.name!r}", _NAMES)
        layer = f"model.layers.{match['layer']}." if match["layer"] else ""
        heads = _interleaved_heads(metadata, match["part"])
        shape = tuple(int(size) for size in reversed(tensor.shape))  # GGUF counts dimensions from the innermost
        tensors[f"{layer}{_NAMES[match['part']]}.{match['kind']}"] = (shape, _dequantiser(source, tensor, shape, heads))
    return metadata, tensors


def _not_covered(source: Path, what: str, known: Any) -> ModelError:
    return ModelError(
        f"{source} has {what}, which the GGUF conversion does not cover (it covers {', '.join(known)}). "
        "Use the model's safetensors: its hub name or a folder with config.json and model.safetensors."
    )


def _interleaved_heads(metadata: dict[str, Any], part: str) -> int:
    """How many heads the rows of this tensor interleave; 0 where the rows are in order."""
    architecture = metadata["general.architecture"]
    if architecture not in INTERLEAVED or part not in {"attn_q", "attn_k"}:
        return 0
    heads = int(metadata[f"{architecture}.attention.head_count"])
    return heads if part == "attn_q" else int(metadata.get(f"{architecture}.attention.head_count_kv", heads))


def _dequantiser(source: Path, tensor: Any, shape: tuple[int, ...], heads: int) -> Callable[[], NDArray[np.float32]]:
    def dequantised() -> NDArray[np.float32]:
        import numpy as np
        from gguf.quants import dequantize

        try:
            values: NDArray[np.float32] = dequantize(tensor.data, tensor.tensor_type).reshape(shape)
        except NotImplementedError as problem:
            kinds = ["F32", "F16", "BF16", "Q4_0 to Q8_0", "K-quants"]
            raise _not_covered(source, f"{tensor.tensor_type.name} weights", kinds) from problem
        if heads:
            pairs = values.reshape(heads, shape[0] // heads // 2, 2, *shape[1:])
            values = pairs.swapaxes(1, 2).reshape(shape)
        return np.ascontiguousarray(values, dtype=np.float32)

    return dequantised


# ---------------------------------------------------------------- config and tokenizer

_TOKEN_IDS = ("bos_token_id", "eos_token_id", "pad_token_id")


def _config(metadata: dict[str, Any], tensors: Tensors) -> dict[str, Any]:
    """What transformers calls config.json."""
    architecture = metadata["general.architecture"]

    def value(key: str, default: Any = None) -> Any:
        return metadata[f"{architecture}.{key}"] if default is None else metadata.get(f"{architecture}.{key}", default)

    heads, hidden = value("attention.head_count"), value("embedding_length")
    config = {
        "architectures": [ARCHITECTURES[architecture]],
        "model_type": architecture,
        "hidden_act": "silu",
        "hidden_size": hidden,
        "intermediate_size": value("feed_forward_length"),
        "num_hidden_layers": value("block_count"),
        "num_attention_heads": heads,
        "num_key_value_heads": value("attention.head_count_kv", heads),
        "head_dim": value("attention.key_length", hidden // heads),
        "max_position_embeddings": value("context_length"),
        "rms_norm_eps": value("attention.layer_norm_rms_epsilon"),
        "rope_theta": value("rope.freq_base", 10000.0),
        "vocab_size": tensors["model.embed_tokens.weight"][0][0],
        "tie_word_embeddings": "lm_head.weight" not in tensors,
        "attention_bias": "model.layers.0.self_attn.q_proj.bias" in tensors,
        "dtype": "bfloat16",
    }
    ids = {f"{name}_token_id": metadata.get(f"tokenizer.ggml.{key}_token_id") for name, key in _SPECIAL.items()}
    turn_end = metadata.get("tokenizer.ggml.eot_token_id")
    if turn_end not in (None, ids["eos_token_id"]):
        ids["eos_token_id"] = [ids["eos_token_id"], turn_end]
    return config | {name: number for name, number in ids.items() if name in _TOKEN_IDS and number is not None}


_SPECIAL = {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}


def _tokenizer(metadata: dict[str, Any]) -> Any:
    """The file's vocabulary and merges as a `tokenizers.Tokenizer`."""
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, processors

    tokens: list[str] = metadata["tokenizer.ggml.tokens"]
    vocabulary = {token: number for number, token in enumerate(tokens)}
    merges = [tuple(merge.split(" ", 1)) for merge in metadata["tokenizer.ggml.merges"]]
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=merges))
    split = _SPLITS[metadata["tokenizer.ggml.pre"]]
    prefix = bool(metadata.get("tokenizer.ggml.add_space_prefix", False))
    steps: list[Any] = [pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=split is None)]
    if split is not None:
        steps.insert(0, pre_tokenizers.Split(Regex(split), behavior="isolated"))
    if metadata["tokenizer.ggml.pre"] == "smollm":
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    if metadata.get("tokenizer.ggml.add_bos_token", False):
        first = metadata["tokenizer.ggml.bos_token_id"]
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{tokens[first]} $A", special_tokens=[(tokens[first], first)]
        )
    kinds: list[int] = metadata.get("tokenizer.ggml.token_type") or []
    for token, kind in zip(tokens, kinds, strict=False):
        if kind in (_CONTROL, _USER_DEFINED):
            tokenizer.add_tokens([AddedToken(token, normalized=False, special=kind == _CONTROL)])
    return tokenizer


def _tokenizer_config(metadata: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    tokens = metadata["tokenizer.ggml.tokens"]
    ids = {f"{name}_token": metadata.get(f"tokenizer.ggml.{key}_token_id") for name, key in _SPECIAL.items()}
    special = {name: tokens[number] for name, number in ids.items() if number is not None}
    template = metadata.get("tokenizer.chat_template")
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config["max_position_embeddings"],
        "clean_up_tokenization_spaces": False,
        **special,
        **({"chat_template": template} if template else {}),
    }


# ---------------------------------------------------------------- writing


def _write_safetensors(path: Path, tensors: Tensors, progress: Callable[[int, int], None]) -> None:
    """The tensors as bfloat16 in safetensors' format (8 bytes length, JSON header, data), one at a time in memory."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, (shape, _) in tensors.items():
        start, end = end, end + 2 * _product(shape)
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)  # the data starts aligned
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for done, block in enumerate(_bfloat16(tensors), start=1):
            file.write(block)
            progress(done, len(tensors))


def _bfloat16(tensors: Tensors) -> Iterator[bytes]:
    """Each tensor's values, rounded to the nearest bfloat16 (ties to even), as little-endian bytes."""
    import numpy as np

    for _, dequantised in tensors.values():
        bits = dequantised().view(np.uint32)
        yield ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()


def _product(shape: tuple[int, ...]) -> int:
    product = 1
    for size in shape:
        product *= size
    return product
