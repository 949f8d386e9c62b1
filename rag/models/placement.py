"""How a language model lies in memory: on one device or over several GPUs, whole or quantised, with an adapter or not.

What needs a further package says which. Loading onto GPUs is written as the libraries document it and was never run
on one (docs/models.md).
"""

from __future__ import annotations

import importlib.util
import logging
import warnings
from dataclasses import dataclass
from typing import Any, Literal

from rag.errors import ModelError, SettingsError
from rag.models.device import device as chosen_device
from rag.models.device import spreads

log = logging.getLogger(__name__)

Quantization = Literal["none", "8bit", "4bit"]


@dataclass(frozen=True, slots=True)
class Placement:
    """`device` is where the model starts; `spread`: it goes on over all GPUs."""

    device: str
    spread: bool = False
    quantization: Quantization = "none"

    @property
    def by_accelerate(self) -> bool:
        """Whether the weights are put in place while they are loaded, and stay there."""
        return self.spread or self.quantization != "none"

    def options(self, dtype: Any) -> dict[str, Any]:
        """What `from_pretrained` is told; `dtype` is what quantised weights are multiplied in."""
        if not self.by_accelerate:
            return {}
        options: dict[str, Any] = {"device_map": "auto" if self.spread else {"": self.device}}
        if self.quantization != "none":
            from transformers import BitsAndBytesConfig

            config: Any = BitsAndBytesConfig  # untyped
            four = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
            options["quantization_config"] = config(**(four if self.quantization == "4bit" else {"load_in_8bit": True}))
        return options


def placement(device: str, quantization: Quantization = "none") -> Placement:
    """Where a language model goes.

    Raises SettingsError for a device that is not there, or that cannot quantise; ModelError for a missing package.
    """
    chosen, spread = chosen_device(device), spreads(device)
    if device == "auto" and spread and not _installed("accelerate"):
        log.info("there are several GPUs; for a language model over all of them: python -m pip install accelerate")
        spread = False
    if quantization != "none":
        if not chosen.startswith("cuda"):
            raise SettingsError(
                f"quantization = {quantization!r} needs a CUDA device, and the model would run on {chosen}. "
                "Set quantization = 'none', or use a GGUF file, which is quantised on every device (docs/models.md)"
            )
        _require("bitsandbytes", f"quantization = {quantization!r}")
    if spread or quantization != "none":
        _require("accelerate", f"device = {device!r}" if spread else f"quantization = {quantization!r}")
    return Placement(chosen, spread, quantization)


def with_adapter(model: Any, folder: str) -> Any:
    """The model with a LoRA adapter from its folder in it. Raises ModelError where that does not fit."""
    _require("peft", f"the adapter in {folder}")
    from peft import PeftModel

    try:
        with warnings.catch_warnings():
            # peft leaves weights that are not in the file as they were drawn, and only warns.
            warnings.simplefilter("ignore")
            warnings.filterwarnings("error", message="Found missing adapter keys")
            return PeftModel.from_pretrained(model, folder, is_trainable=False).get_base_model()
    except (ValueError, RuntimeError, KeyError, TypeError, OSError, UserWarning) as problem:
        first_line = next(iter(str(problem).splitlines()), type(problem).__name__)
        raise ModelError(f"the adapter in {folder} does not go with its base model: {first_line}") from problem


def _installed(package: str) -> bool:
    return importlib.util.find_spec(package) is not None


def _require(package: str, what: str) -> None:
    if not _installed(package):
        raise ModelError(f"{what} needs the package {package}, which is not installed: python -m pip install {package}")
