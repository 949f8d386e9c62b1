"""The files of a converted model's folder: the hub's layout, and what is ours beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
PROMPTS = "config_sentence_transformers.json"
TOKENIZER = "tokenizer.json"
GRAPH = "model.onnx"  # ours: points into WEIGHTS
PIECES = "pieces.safetensors"  # ours: TOKENIZER's pieces by hash


def read_config(folder: Path) -> dict[str, Any]:
    """The model's sizes, as transformers names them."""
    return _read_object(folder / CONFIG)


def read_prompts(folder: Path) -> dict[str, str]:
    """The prompts by name: "query" and "document"."""
    prompts: dict[str, str] = _read_object(folder / PROMPTS)["prompts"]
    return prompts


def _read_object(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
