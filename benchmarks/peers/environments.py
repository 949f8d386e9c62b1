"""Peers' environments: one each, made once, that none of them gets in another's way."""

from __future__ import annotations

import os
import subprocess
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path

QUIET = {"HAYSTACK_TELEMETRY_ENABLED": "False", "HF_HUB_OFFLINE": "1"}
"""What a peer is run with: it calls nobody."""
_CONSTRAINTS = Path(__file__).parents[2] / "constraints.txt"


def set_up(envs: Path, pins: Mapping[str, Sequence[str]]) -> None:
    """An environment for each peer with what it is pinned to, under the versions of constraints.txt."""
    for peer, wanted in pins.items():
        print(f"{peer} ...", flush=True)
        venv.create(envs / peer, with_pip=True, symlinks=os.name != "nt")
        pip = [str(python_of(envs / peer)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--constraint", str(_CONSTRAINTS), *wanted], check=True)


def python_of(environment: Path) -> Path:
    """The environment's Python."""
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
