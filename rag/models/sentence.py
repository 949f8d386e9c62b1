"""Any sentence-transformers embedder, by folder or by its name on the hub, with its own prompts and pooling.

Only safetensors are read, only classes of sentence-transformers itself are built: a model that needs pickled weights
or code of its own is refused. A hub model is fetched once into the hub's cache; after that nothing opens a socket.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Embeddings
from rag.errors import ModelError, SettingsError
from rag.models.cache import sha256
from rag.models.device import device as chosen_device
from rag.models.encoder import unit_rows
from rag.models.hub import checked_folder
from rag.models.opening import opening, refuse_random, safely

Floats = NDArray[np.float32]
log = logging.getLogger(__name__)

_UNBOUNDED = 1_000_000  # transformers writes 1e30 where a tokenizer states no limit
_DEFAULT_TOKENS = 512
_BATCH = 32  # texts; sentence-transformers sorts them by length


def open_sentence_transformer(
    name: str, *, device: str = "auto", engine: str = "auto", fetch: bool = True
) -> SentenceTransformerEmbedder:
    """The embedder in the folder `name`, or the hub's of that name; `fetch` is as in `checked_folder`.

    Raises ModelMissing where there is none, ModelError where it cannot be used, SettingsError for engine `onnx`.
    """
    if engine == "onnx":
        raise SettingsError(f"engine = 'onnx' runs the built-in embedder alone, not {name!r}. Use engine = 'auto'.")
    folder = checked_folder(name, fetch=fetch)
    place = chosen_device(device)
    with opening(name, "as an embedder", "Choose another, or see: rag models") as library:
        model = library.SentenceTransformer(str(folder), **safely(place, _dtype(place)))
        if model.transformers_model is not None:
            refuse_random(name, folder, model.transformers_model)
        return SentenceTransformerEmbedder(name, folder, model)


def _dtype(device: str) -> str:
    """float32 but for GPUs that compute in bfloat16: whether a model stays in float16's range is not known."""
    import torch

    return "bfloat16" if device.startswith("cuda") and torch.cuda.is_bf16_supported() else "float32"


class SentenceTransformerEmbedder:
    """An `Embedder` over a loaded `SentenceTransformer` whose files lie in `folder`.

    Token vectors are the encoder's last hidden states. Raises ModelError where the model gives none.
    """

    def __init__(self, name: str, folder: Path, model: Any) -> None:
        self.name = name
        self.engine = f"sentence-transformers {str(model.dtype).removeprefix('torch.')}"
        self._folder = folder
        self._model = model
        self._tokenizer = model.tokenizer
        self._prompts = (_prompt(model, ("query",)), _prompt(model, ("document", "passage", "corpus")))
        if not getattr(self._tokenizer, "is_fast", False):
            raise ModelError(
                f"{name} has no fast tokenizer, so its tokens cannot be placed in the text. Choose another"
            )
        self.max_tokens = model.max_seq_length = max_tokens_of(model)
        frame = max(len(self._tokenizer(prompt)["input_ids"]) for prompt in self._prompts)
        if frame > self.max_tokens // 2:
            raise ModelError(
                f"{name} reads {self.max_tokens} tokens at once, of which its own prompt takes {frame}: that leaves "
                "too little for a text. Choose another"
            )
        probe = self.embed_query("probe", tokens=True)
        if not np.isfinite(probe.vectors).all():
            raise ModelError(f"{name} gives vectors that are no numbers. Try --device cpu, or choose another embedder")
        self.dimension: int = probe.vectors.shape[1]
        if probe.tokens[0].shape[1] != self.dimension:
            raise ModelError(
                f"{name} has token vectors of {probe.tokens[0].shape[1]} dimensions and text vectors of "
                f"{self.dimension}, which late interaction cannot compare. Choose another embedder"
            )

    @cached_property
    def overhead(self) -> int:
        """Tokens of the text prompt and the specials, and one more where the prompt's end may be cut otherwise."""
        prompt = self._prompts[1]
        return len(self._tokenizer(prompt)["input_ids"]) + (1 if prompt else 0)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every file that decides about the vectors, the prompts and the dimension."""
        kinds = {".safetensors", ".json", ".txt", ".model"}
        files = sorted(path for path in self._folder.rglob("*") if path.is_file() and path.suffix in kinds)
        parts = [f"{path.relative_to(self._folder).as_posix()} {sha256(path)}" for path in files]
        parts += [*self._prompts, str(self.dimension), str(self.max_tokens)]
        return hashlib.sha256("\0".join(["sentence-transformers 1", *parts]).encode()).hexdigest()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text alone, without prompt and specials."""
        return [len(ids) for ids in self._cut(texts, add_special_tokens=False)["input_ids"]] if texts else []

    def token_offsets(self, text: str) -> list[tuple[int, int]]:
        """The half-open character range of each token of `text`, in order, without prompt and specials."""
        found = self._cut([text], add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"][0]
        return [(start, end) for start, end in found]

    def embed_query(self, text: str, *, tokens: bool = False) -> Embeddings:
        """Embeddings of one question (n = 1); a question too long for the model is cut, with a warning logged."""
        count = len(self._cut([self._prompts[0] + text])["input_ids"][0])
        if count > self.max_tokens:
            log.warning("The question has %d tokens; %s reads the first %d of them.", count, self.name, self.max_tokens)
        return self._embed([text], "query", tokens)

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        """Embeddings of the texts in their order. Raises ValueError where a text is longer than `max_tokens`."""
        if not texts:
            return Embeddings(np.empty((0, self.dimension), np.float32))
        for number, ids in enumerate(self._cut([self._prompts[1] + text for text in texts])["input_ids"]):
            if len(ids) > self.max_tokens:
                raise ValueError(
                    f"text {number} has {len(ids)} tokens with prompt and specials; {self.name} takes {self.max_tokens}"
                )
        return self._embed(texts, "document", tokens)

    def _embed(self, texts: Sequence[str], task: str, tokens: bool) -> Embeddings:
        prompt = self._prompts[0] if task == "query" else self._prompts[1]
        encode = self._model.encode_query if task == "query" else self._model.encode_document
        options: dict[str, Any] = {"prompt": prompt, "batch_size": _BATCH, "show_progress_bar": False}
        if not tokens:
            return Embeddings(unit_rows(np.asarray(encode(list(texts), **options), np.float32)))
        found = encode(list(texts), output_value=None, **options)
        if "token_embeddings" not in found[0]:
            raise ModelError(f"{self.name} has no token vectors, which late interaction needs. Choose another embedder")
        vectors = np.stack([_array(item["sentence_embedding"]) for item in found])
        own = [self._own(prompt, text) for text in texts]
        rows = [unit_rows(_states(item)[keep]) for item, keep in zip(found, own, strict=True)]
        return Embeddings(unit_rows(vectors), tuple(rows))

    def _own(self, prompt: str, text: str) -> NDArray[np.intp]:
        """The places of the text's own tokens among those that the model was given."""
        cut = self._tokenizer(
            prompt + text,
            truncation=True,
            max_length=self.max_tokens,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
        )
        ends = np.array([end for _, end in cut["offset_mapping"]])
        return np.flatnonzero((ends > len(prompt)) & (np.array(cut["special_tokens_mask"]) == 0))

    def _cut(self, texts: Sequence[str], **options: Any) -> Any:
        return self._tokenizer(list(texts), truncation=False, verbose=False, **options)


def _prompt(model: Any, names: Sequence[str]) -> str:
    """The first prompt of those names that says something; the names are those that sentence-transformers documents.

    It fills in an empty prompt for "document", which must not hide a model's own "passage".
    """
    return next((str(model.prompts[name]) for name in names if model.prompts.get(name)), "")


def max_tokens_of(model: Any) -> int:
    """Tokens that a loaded sentence-transformers model reads at once, specials included."""
    stated = model.max_seq_length
    if stated is None or stated > _UNBOUNDED:
        stated = getattr(model.config, "max_position_embeddings", None) or _DEFAULT_TOKENS
    # RoBERTa, XLM-R and MPNet count positions from behind that of padding: two fewer than they state.
    tables = [table for name, table in model.named_modules() if name.endswith("position_embeddings")]
    shifted = [table for table in tables if getattr(table, "padding_idx", None) is not None]
    limits: list[int] = [int(stated), *(table.num_embeddings - table.padding_idx - 1 for table in shifted)]
    return min(limits)


def _states(item: dict[str, Any]) -> Floats:
    """Hidden states (t, d) of one text without padding, on whichever side that is."""
    return _array(item["token_embeddings"])[_array(item["attention_mask"]) > 0]


def _array(tensor: Any) -> Floats:
    found: Floats = tensor.float().cpu().numpy()
    return found
