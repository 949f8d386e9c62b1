"""How models of sentence-transformers are opened, whatever for: safetensors only, quietly, without a socket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rag.errors import ModelError
from rag.models.hub import first_line
from rag.models.threads import limit_torch


@contextmanager
def opening(name: str, use: str, otherwise: str) -> Iterator[Any]:
    """The library, to open `name` with in this context, where its errors become a ModelError.

    That says that `name` cannot be used `use` ("as a reranker"), why, and what to do `otherwise`.
    """
    limit_torch()
    import sentence_transformers
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError
    from transformers.utils import logging as transformers_logging

    bars: Any = transformers_logging  # untyped functions
    bars.disable_progress_bar()
    of_files = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError, ImportError)
    named: tuple[type[Exception], ...] = (*of_files, StrictDataclassError, SafetensorError)
    try:
        yield sentence_transformers
    except named as problem:
        raise ModelError(f"{name} cannot be used {use}: {first_line(problem)}. {otherwise}") from problem


def safely(device: str, dtype: Any) -> dict[str, Any]:
    """What each model is opened with: no pickled weights, no code of its own, nothing fetched."""
    return {
        "device": device,
        "local_files_only": True,
        "trust_remote_code": False,
        "model_kwargs": {"use_safetensors": True, "dtype": dtype},
    }


def refuse_random(name: str, folder: Path, model: Any) -> None:
    """The weights of transformers' `model` must come from the files: it would make them up, and only log it.

    Raises ModelError.
    """
    from safetensors import safe_open

    if any(folder.rglob("adapter_config.json")):  # the base of an adapter lies elsewhere
        return
    kept: set[str] = set()
    for path in folder.rglob("*.safetensors"):
        with safe_open(path, "numpy") as file:
            kept.update(file.keys())
    front = f"{model.base_model_prefix}."
    if all(_unused(each) or each in kept or front + each in kept for each in model.state_dict()):
        return
    # They may have other names in the files, which transformers knows: it is asked.
    again = {"output_loading_info": True, "local_files_only": True, "trust_remote_code": False, "use_safetensors": True}
    _, report = type(model).from_pretrained(_folder_of(folder, model.config.model_type), **again)
    missing = sorted(each for each in report["missing_keys"] if not _unused(each))
    if missing:
        raise ModelError(f"{name} lacks {len(missing)} of its weights ({', '.join(missing[:3])} …). Fetch it again")


def _folder_of(folder: Path, kind: str) -> Path:
    """Where the model lies: in the folder itself or, of older models, in one below it."""
    configs = sorted(folder.rglob("config.json"), key=lambda path: len(path.parts))
    places = (path.parent for path in configs if json.loads(path.read_text("utf-8")).get("model_type") == kind)
    return next(places, folder)


def _unused(weight: str) -> bool:
    """Whether no vector depends on it: sentence-transformers pools states itself."""
    return weight.startswith("pooler.")
