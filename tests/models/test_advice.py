"""A generator for the machine at hand, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.models import advice
from rag.models.advice import GIB, Machine, proposal, this_machine


@pytest.mark.parametrize(
    ("machine", "proposed"),
    [
        (Machine(0), "the built-in generator"),
        (Machine(4 * GIB), "the built-in generator"),
        (Machine(6 * GIB), "Qwen3-1.7B "),
        (Machine(16 * GIB), "Qwen3-4B-Instruct-2507 "),
        (Machine(512 * GIB), "Qwen3-4B-Instruct-2507 "),  # memory alone makes no large model fast
        (Machine(16 * GIB, shared=True), "Qwen3-8B "),
        (Machine(64 * GIB, shared=True), "Qwen3-32B "),
        (Machine(16 * GIB, gpu_bytes=2 * GIB), "the built-in generator"),
        (Machine(16 * GIB, gpu_bytes=8 * GIB), "Qwen3-8B "),
        (Machine(16 * GIB, gpu_bytes=24 * GIB), "Qwen3-14B "),
        (Machine(16 * GIB, gpu_bytes=80 * GIB), "Qwen3-32B "),
    ],
)
def test_the_largest_model_is_proposed_that_fits_and_keeps_pace(machine: Machine, proposed: str) -> None:
    line = proposal(machine)
    assert proposed in line
    assert "\n" not in line
    assert "docs/models.md" in line


def test_this_machine_has_memory() -> None:
    assert this_machine().memory_bytes > GIB / 4


@pytest.mark.parametrize(
    ("script", "expected"),
    [("echo 8192; echo 24576", 24576 << 20), ("exit 9", 0), ("echo no devices", 0)],
)
def test_gpus_are_those_that_nvidia_smi_sees(
    script: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(program))
    assert advice._nvidia_bytes() == expected
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert advice._nvidia_bytes() == 0


def test_every_proposed_model_stands_in_the_guide() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "models.md").read_text(encoding="utf-8")
    assert all(each.name in guide and f"{each.gigabytes} GB" in guide for each in advice._CANDIDATES)
