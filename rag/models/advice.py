"""Which generator this machine could run: one line, from its memory and its GPU, without a network or torch."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from dataclasses import dataclass

GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Machine:
    """Bytes of memory, 0 where they are not known; `gpu_bytes` those of the largest GPU, 0 where none is seen.

    `shared`: the GPU has no memory of its own and uses the machine's, as Apple's do.
    """

    memory_bytes: int
    gpu_bytes: int = 0
    shared: bool = False


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A model and the memory it takes in 4 bits (GGUF Q4_K_M): 0.61 bytes a weight, the keys and values of 8192 tokens
    in 16 bits, and half a gigabyte for the rest, reckoned from its published shape."""

    name: str
    gigabytes: float


# One family, of one licence (Apache-2.0), in all sizes and about a hundred languages.
_CANDIDATES = (
    _Candidate("Qwen3-32B", 22.7),
    _Candidate("Qwen3-14B", 10.9),
    _Candidate("Qwen3-8B", 6.7),
    _Candidate("Qwen3-4B-Instruct-2507", 4.2),
    _Candidate("Qwen3-1.7B", 2.5),
)
_ON_A_CPU = 4.2
"""Gigabytes of the largest that is proposed without a GPU: each token reads all weights, so that more takes minutes."""


def proposal(machine: Machine) -> str:
    """The line that `rag models` ends with."""
    room, where = _room(machine)
    fitting = (each for each in _CANDIDATES if each.gigabytes * 1e9 <= room)
    best = next(fitting, None)
    if best is None:
        return f"For this machine ({where}): the built-in generator, which answers in quotes. Others: docs/models.md"
    return (
        f"For prose on this machine ({where}): {best.name} as a 4-bit GGUF file, about {best.gigabytes:.0f} GB of "
        "memory; not measured by us. How: docs/models.md"
    )


def _room(machine: Machine) -> tuple[float, str]:
    """Bytes that a generator may take, and the machine in words."""
    memory = f"{machine.memory_bytes / GIB:.0f} GiB of memory" if machine.memory_bytes else "memory unknown"
    if machine.shared:
        return 0.6 * machine.memory_bytes, f"{memory}, shared with its GPU"
    if machine.gpu_bytes:
        return 0.85 * machine.gpu_bytes, f"a GPU of {machine.gpu_bytes / GIB:.0f} GiB"
    return min(0.5 * machine.memory_bytes, _ON_A_CPU * 1e9), f"{memory}, no CUDA or Apple GPU seen"


def this_machine() -> Machine:
    """What is here: memory as the system tells it, GPUs as nvidia-smi does; GPUs of other makers are not seen."""
    apple = (platform.system(), platform.machine()) == ("Darwin", "arm64")
    return Machine(_memory_bytes(), 0 if apple else _nvidia_bytes(), shared=apple)


def _memory_bytes() -> int:
    if os.name == "nt":
        return _windows_memory_bytes()
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _windows_memory_bytes() -> int:
    import ctypes

    kilobytes = ctypes.c_ulonglong()
    windows = getattr(ctypes, "windll")  # noqa: B009 - is there on Windows alone
    there = windows.kernel32.GetPhysicallyInstalledSystemMemory(ctypes.byref(kilobytes))
    return kilobytes.value * 1024 if there else 0


def _nvidia_bytes() -> int:
    """Memory of the largest CUDA device; 0 where nvidia-smi is not there or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return 0
    query = [program, "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    try:
        done = subprocess.run(query, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return 0
    return max((int(line) for line in done.stdout.split() if line.isdecimal()), default=0) * (1 << 20)
