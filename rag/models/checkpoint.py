"""Where a language model's files lie, and loading them: safetensors or GGUF only, no code of the model's own."""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.errors import ModelError, ModelMissing
from rag.models.cache import cache_dir
from rag.models.gguf_weights import convert
from rag.models.hub import failures, first_line
from rag.models.placement import Placement, with_adapter
from rag.models.pull import alone, settle, sync, workshop

if TYPE_CHECKING:
    from rag.models.llama import Llama

log = logging.getLogger(__name__)

ADAPTER = "adapter_config.json"
_GENERATES = re.compile(r"CausalLM|LMHead|ConditionalGeneration|Seq2SeqLM")
_LOOKS_LIKE_A_PATH = re.compile(r"^[./~\\]|^[A-Za-z]:|\\|/.*/|\.gguf$")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model's files: `where` is a folder (`local`: nothing is fetched) or a hub name.

    `adapter` is the folder of a LoRA adapter that goes over it; "" for none.
    """

    where: str
    local: bool
    adapter: str = ""


def resolved(name_or_folder: str | Path) -> Checkpoint:
    """The checkpoint that a user's words mean; a `.gguf` file is converted into the cache first."""
    path = Path(name_or_folder).expanduser()
    if (path / ADAPTER).is_file():
        return _adapted(path)
    if path.is_dir():
        _refuse_pickles(path)
        return Checkpoint(str(path), local=True)
    if path.is_file() and path.suffix.lower() == ".gguf":
        return Checkpoint(str(_converted(path)), local=True)
    if path.is_file():
        raise ModelError(f"{path} is neither a model's folder nor a .gguf file. Name the folder that holds config.json")
    if isinstance(name_or_folder, Path) or _LOOKS_LIKE_A_PATH.search(name_or_folder):
        raise ModelMissing(
            f"there is no model at {path}. Name a folder, a .gguf file or a model of the hub (owner/name)"
        )
    return Checkpoint(name_or_folder, local=False)


def _adapted(folder: Path) -> Checkpoint:
    """The base model that a LoRA adapter names, with the adapter."""
    try:
        config = json.loads((folder / ADAPTER).read_text(encoding="utf-8"))
        kind, base = config["peft_type"], Path(config["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise ModelError(f"{folder / ADAPTER} names no adapter and no base model ({problem!r})") from problem
    if kind != "LORA":
        raise ModelError(f"{folder} is an adapter of the kind {kind}; only LORA is read. Merge it into its base model")
    if not (folder / "adapter_model.safetensors").is_file():
        raise ModelError(f"{folder} holds no adapter_model.safetensors; pickled weights are never read. Save it anew")
    place = folder / base if (folder / base).is_dir() else base.expanduser()
    if (place / ADAPTER).is_file():
        raise ModelError(f"{folder} is an adapter of an adapter, {place}. Merge that one into its base model")
    log.info("%s is an adapter of %s", folder, base)
    beside = (folder / base).is_dir()
    return replace(resolved(place if beside else config["base_model_name_or_path"]), adapter=str(folder))


def _refuse_pickles(folder: Path) -> None:
    if not any(folder.glob("*.safetensors")):
        pickles = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
        if pickles:
            raise ModelError(
                f"{folder} has its weights as pickles only ({', '.join(pickles[:3])}); reading those can run code. "
                "Use a copy with model.safetensors, or where you trust the file make one: "
                "AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder)"
            )
        raise ModelMissing(f"{folder} holds no *.safetensors. Fetch the model again, weights included")


def _converted(source: Path) -> Path:
    """The folder in the cache that holds this GGUF file's conversion, made if missing: whole or not at all."""
    stat = source.stat()
    identity = f"1 {source.resolve()} {stat.st_size} {stat.st_mtime_ns}"
    folder = cache_dir() / f"gguf-{source.stem}-{hashlib.sha256(identity.encode()).hexdigest()[:12]}"
    if folder.is_dir():
        return folder
    cache = folder.parent
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with alone(cache / f".{folder.name}.lock"):
            if not folder.is_dir():  # another process may have been faster
                with workshop(cache, f".{folder.name}-") as room:
                    made = room / "model"
                    convert(source, made)
                    settle(made)
                    made.rename(folder)
                    sync(cache)
    except OSError as problem:
        raise ModelError(f"{source} could not be converted into {folder}: {problem}") from problem
    return folder


# ---------------------------------------------------------------- loading


def load_built_in(folder: Path, device: str) -> tuple[Any, Llama]:
    """The tokenizer and the built-in model in its folder. Raises ModelError where they are damaged or missing."""
    from transformers import PreTrainedTokenizerFast  # AutoTokenizer imports far more

    from rag.models.llama import Llama

    with _named_errors(Checkpoint(str(folder), local=True)):
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
        return tokenizer, Llama(folder, device, dtype_for(device))


def load_config(checkpoint: Checkpoint) -> Any:
    """The model's config. Raises ModelError where its architecture does not generate text."""
    from transformers import AutoConfig

    with _named_errors(checkpoint):
        config = AutoConfig.from_pretrained(
            checkpoint.where, local_files_only=checkpoint.local, trust_remote_code=False
        )
    architectures = [str(each) for each in config.architectures or []]
    if architectures and not any(_GENERATES.search(name) for name in architectures):
        raise ModelError(
            f"{checkpoint.where} is {', '.join(architectures)}, which does not generate text. "
            "Name a causal or an encoder-decoder language model as the generator"
        )
    return config


def load_tokenizer(checkpoint: Checkpoint) -> Any:
    """The model's tokenizer (the adapter's, where that has one), with its chat template where it has one."""
    from transformers import AutoTokenizer

    own = bool(checkpoint.adapter) and (Path(checkpoint.adapter) / "tokenizer_config.json").is_file()
    where, local = (checkpoint.adapter, True) if own else (checkpoint.where, checkpoint.local)
    with _named_errors(checkpoint):
        return AutoTokenizer.from_pretrained(where, local_files_only=local, trust_remote_code=False)


def load_weights(checkpoint: Checkpoint, config: Any, place: Placement) -> Any:
    """The model in eval mode in its place. Raises ModelError where weights are damaged or missing."""
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    dtype = dtype_for(place.device, encoder_decoder=config.is_encoder_decoder)
    auto = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    with _named_errors(checkpoint), _no_bars(checkpoint.local):
        loaded: Any = auto.from_pretrained(
            checkpoint.where,
            config=config,
            dtype=dtype,
            **place.options(dtype),
            use_safetensors=True,
            local_files_only=checkpoint.local,
            trust_remote_code=False,
            output_loading_info=True,
        )
    model, report = loaded
    if report["missing_keys"]:
        # transformers would fill these with random numbers and only log it.
        missing = sorted(report["missing_keys"])
        raise ModelError(
            f"{checkpoint.where} lacks {len(missing)} of its weights ({', '.join(missing[:3])} …). Fetch it again"
        )
    if checkpoint.adapter:
        model = with_adapter(model, checkpoint.adapter)
    return (model if place.by_accelerate else model.to(place.device)).eval()


def dtype_for(device: str, *, encoder_decoder: bool = False) -> Any:
    """The torch dtype that a device runs well.

    CPU: bfloat16 where the processor multiplies it (AMX, AVX512-BF16), else float32, which elsewhere is many times
    faster than bfloat16. CUDA: bfloat16, or float16 where the card has none. MPS: float16. An encoder-decoder gets
    float32 in place of float16, whose range T5's activations exceed.
    """
    import torch

    if device.startswith("cpu"):
        capabilities: Mapping[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # an older torch does not tell
        fast = any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16"))
        return torch.bfloat16 if fast else torch.float32
    if device.startswith("cuda") and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32 if encoder_decoder else torch.float16


@contextmanager
def _named_errors(checkpoint: Checkpoint) -> Iterator[None]:
    """Failures of the libraries as ModelError, with the model's name."""
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    # Numbers and names that a config makes no sense of end in any of these, deep in the libraries.
    of_config = (LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, StrictDataclassError)
    named: tuple[type[Exception], ...] = (*failures(), *of_config, SafetensorError)
    try:
        yield
    except named as problem:
        said = first_line(problem)
        if checkpoint.local:
            raise ModelError(f"{checkpoint.where} cannot be loaded: {said}. Fetch it again, whole") from problem
        raise ModelMissing(
            f"{checkpoint.where} cannot be loaded from the hub: {said}. "
            "Check the name and the network, or name a local folder; built in: rag models"
        ) from problem


@contextmanager
def _no_bars(local: bool) -> Iterator[None]:
    """No progress bar for reading a local file; a download keeps its own."""
    from transformers.utils import logging

    bars: Any = logging  # untyped functions
    quiet = local and bars.is_progress_bar_enabled()
    if quiet:
        bars.disable_progress_bar()
    try:
        yield
    finally:
        if quiet:
            bars.enable_progress_bar()
