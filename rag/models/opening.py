"""How models of sentence-transformers are opened, whatever for: safetensors only, quietly, without a socket."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rag.errors import ModelError
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
        said = next(iter(str(problem).strip().splitlines()), type(problem).__name__)
        raise ModelError(f"{name} cannot be used {use}: {said.rstrip('.')}. {otherwise}") from problem


def safely(device: str, dtype: Any) -> dict[str, Any]:
    """What each model is opened with: no pickled weights, no code of its own, nothing fetched."""
    return {
        "device": device,
        "local_files_only": True,
        "trust_remote_code": False,
        "model_kwargs": {"use_safetensors": True, "dtype": dtype},
    }
