"""Where models run: the one function that decides it."""

from __future__ import annotations

import re

from rag.errors import SettingsError

_DEVICE = re.compile(r"auto|cpu|mps|cuda(:\d+|:all)?")


def device(choice: str = "auto") -> str:
    """`cuda`, `mps` or `cpu`: the first that is there, or what was chosen (`cuda:1` too; of `cuda:all` the first).

    Raises SettingsError for a word that is no device, and for a device that this machine or this torch does not have.
    """
    if not _DEVICE.fullmatch(choice):
        raise SettingsError(f"device = {choice!r} is not one of: auto, cpu, cuda, cuda:0, cuda:1, ..., cuda:all, mps")
    if choice == "cpu":
        return choice
    count, mps = _cuda_devices(), _has_mps()
    if choice == "auto":
        return "cuda" if count else "mps" if mps else "cpu"
    if choice == "mps" and not mps:
        raise SettingsError(
            "device = 'mps' was chosen, but torch sees no Apple GPU here. Use device = 'cpu' or 'auto'."
        )
    if choice.startswith("cuda"):
        number = int(choice.partition(":")[2].replace("all", "0") or 0)
        if number >= count:
            seen = f"sees {count} CUDA device(s)" if count else "sees no CUDA device"
            raise SettingsError(
                f"device = {choice!r} was chosen, but torch {seen}. Use device = 'cpu' or 'auto', "
                'or install a CUDA build of torch (README, "CPU or CUDA").'
            )
    return "cuda" if choice == "cuda:all" else choice


def spreads(choice: str) -> bool:
    """Whether a language model is to lie on several GPUs: `cuda:all`, or `auto` where there are several."""
    return choice == "cuda:all" or (choice == "auto" and _cuda_devices() > 1)


def _cuda_devices() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0


def _has_mps() -> bool:
    import torch

    return bool(torch.backends.mps.is_available())
