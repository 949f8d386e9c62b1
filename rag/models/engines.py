"""Which engine runs the encoder: ONNX Runtime for questions and small jobs, for long ones what is fastest here.

Importing torch takes seconds, so it must be earned. What is fastest differs by machine (bfloat16 triples the speed of
a CPU that multiplies it, and is many times slower than float32 elsewhere), so it is measured once, on the machine.
What does not agree with float32 there is no choice: some processors saturate sums of 8-bit products.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import platform
import time
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from rag.errors import SettingsError
from rag.models.adapters import QUESTION, READER, graph_file
from rag.models.cache import cache_dir
from rag.models.device import device as chosen_device
from rag.models.encoder import Engine, unit_rows
from rag.models.folder import read_config
from rag.models.onnx_engine import OnnxEngine
from rag.models.threads import limit_torch

log = logging.getLogger(__name__)

ENGINES = ("auto", "onnx", "torch")
LONG_JOB = 16_000  # tokens; measured: importing torch, 2.6 s, is won back by then where torch is faster
COUNTED = 1_000  # tokens; smaller calls (the sentences of an answer) never add up to a long job
MEASURED = "engines.json"
_TORCH = "torch "
_FLOATS = ("float32", "bfloat16")
_SLOW = 4.0  # seconds for the sample: a number format on a CPU that emulates it
_PROBE = 16  # tokens of each text that tell whether more is worth running
_AGREES = 0.99  # cosine to float32, at least: vectors of both share an index


class Engines:
    """Opens engines over `folder` when they are first needed; `engine` is one of `ENGINES`.

    `weights` names the weights in the cache of measurements. Raises SettingsError for an unknown engine, a device
    that is not there, and ONNX Runtime on a GPU.
    """

    def __init__(self, folder: Path, weights: str, *, device: str = "auto", engine: str = "auto") -> None:
        if engine not in ENGINES:
            raise SettingsError(f"engine = {engine!r} is not one of: {', '.join(ENGINES)}")
        self._folder = folder
        self._weights = weights
        self._device = device
        self.kind = engine  # "torch" on a GPU whatever was asked for
        if device not in ("auto", "cpu"):
            chosen_device(device)
            if engine == "onnx":
                raise SettingsError(f"engine = 'onnx' runs on the CPU, but device = {device!r}. Use engine = 'torch'.")
            self.kind = "torch"
        self._tokens = 0
        self._large: Engine | None = None
        self._adapter = QUESTION if graph_file(folder, QUESTION).is_file() else ""
        self._questions: Engine | None = None

    def for_query(self) -> Engine:
        """The engine that embeds a question, with the adapter for questions where the model has one."""
        if self._questions is None:
            shared = self.kind == "torch" and not self._adapter
            self._questions = self.for_long_job() if shared else self._adapted(self._adapter)
        return self._questions

    def for_reader(self) -> Engine:
        """The engine that reads questions and passages together, with the adapter for that."""
        return self._adapted(READER)

    def for_texts(self, tokens: int) -> Engine:
        """The engine for `tokens` more tokens of texts."""
        if tokens >= COUNTED:
            self._tokens += tokens
        if self.kind == "torch" or (self.kind == "auto" and tokens >= COUNTED and self._tokens >= LONG_JOB):
            return self.for_long_job()
        return self._small

    def for_long_job(self) -> Engine:
        """The fastest engine here; torch where that was asked for."""
        if self._large is None:
            if "_small" in vars(self):  # what it is busy with would be measured along
                self._small.threads.drain()
            self._large = self._open_fastest()
            log.info("Texts are embedded by %s.", self._large.name)
        return self._large

    @cached_property
    def _small(self) -> Engine:
        """What embeds short texts, when torch was not asked for."""
        return OnnxEngine(self._folder) if self._adapter else self.for_query()

    def _adapted(self, adapter: str) -> Engine:
        return self._open_torch(adapter) if self.kind == "torch" else OnnxEngine(self._folder, adapter=adapter)

    def _open_fastest(self) -> Engine:
        if chosen_device(self._device) != "cpu" or self.kind == "torch":
            return self._open_torch()
        speeds = _measured(self._folder, self._weights)
        fastest = max(speeds, key=lambda name: speeds[name])
        return self._small if fastest == OnnxEngine.name else self._open_torch(dtype=fastest.removeprefix(_TORCH))

    def _open_torch(self, adapter: str = "", dtype: str = "") -> Engine:
        """The weights in torch; in the number format that suits the device where none is named.

        With an adapter it is a float: a question is short, and what the reader says is compared with a threshold.
        """
        from rag.models.torch_engine import INT8, TorchEngine

        device = chosen_device(self._device)
        if device != "cpu":
            return TorchEngine(self._folder, device, gpu_dtype(device), adapter=adapter)
        if not dtype:
            speeds = _measured(self._folder, self._weights)
            formats = _FLOATS if adapter else (*_FLOATS, INT8)
            dtype = max(formats, key=lambda name: speeds.get(_TORCH + name, 0.0))
        return TorchEngine(self._folder, dtype=dtype, adapter=adapter)


def gpu_dtype(device: str) -> str:
    """The number format for a GPU: float16, whose error is an eighth of bfloat16's, and BERT stays in its range."""
    return "float16" if device.startswith(("cuda", "mps")) else "float32"


def _measured(folder: Path, weights: str) -> dict[str, float]:
    """Tokens a second by engine, on one thread of this machine; from the cache where it was measured before."""
    from importlib.metadata import version

    parts = ["4", weights, _processor()] + [f"{name} {version(name)}" for name in ("torch", "onnxruntime")]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return _measurements().get(key) or _remember(key, _measure(folder))


def _measure(folder: Path) -> dict[str, float]:
    """Tokens a second by engine, of those that agree with float32."""
    import torch

    from rag.models.torch_engine import INT8, TorchEngine

    sample = _sample(folder)
    onnx = OnnxEngine(folder, threads=1)
    speeds = {onnx.name: _speed(onnx, sample)}
    for dtype in (*_FLOATS, INT8):
        with contextlib.suppress(RuntimeError):  # a number format that this processor has no way to multiply
            engine = TorchEngine(folder, dtype=dtype)
            torch.set_num_threads(1)
            if _agree(engine, onnx, [text[: _PROBE - place] for place, text in enumerate(sample)]):
                speeds[engine.name] = _speed(engine, sample)
    limit_torch()
    log.info("Measured: %s", ", ".join(f"{name} {speed:.0f} tokens/s a thread" for name, speed in speeds.items()))
    return speeds


def _sample(folder: Path) -> list[list[int]]:
    """Four texts of ordinary length, of tokens from all over the vocabulary."""
    config = read_config(folder)
    longest, words = min(128, int(config["max_position_embeddings"])), int(config["vocab_size"])
    return [[number * 7919 % words for number in range(short, longest)] for short in (0, 1, 4, 6)]


def _agree(one: Engine, other: Engine, texts: Sequence[Sequence[int]]) -> bool:
    """Whether both give about the same states. Raises RuntimeError where one cannot run here."""
    pairs = zip(one.hidden(texts), other.hidden(texts), strict=True)
    return all((unit_rows(found) * unit_rows(wanted)).sum(axis=1).min() >= _AGREES for found, wanted in pairs)


def _speed(engine: Engine, sample: Sequence[Sequence[int]]) -> float:
    """Tokens a second over a small batch: the best of three runs; of a short one where that tells that it is slow.

    It is the thread's own time that counts: what else runs on the machine must not decide.
    """
    tokens = sum(map(len, sample))
    fastest = float("inf")
    for texts in ([sample[0][:_PROBE]], sample, sample, sample):
        started = time.thread_time()
        engine.hidden(texts)
        seconds = time.thread_time() - started
        fastest = min(fastest, seconds * tokens / sum(map(len, texts)))
        if fastest > _SLOW:
            break
    return tokens / max(fastest, 1e-6)


def _processor() -> str:
    """The processor's name and instruction sets, as far as the platform tells."""
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    return f"{platform.machine()} {platform.processor()}"


def _measurements() -> dict[str, dict[str, float]]:
    """What earlier runs measured, by key; nothing where the file is missing or damaged: then it is measured again."""
    try:
        found = json.loads((cache_dir() / MEASURED).read_text(encoding="utf-8"))
        return {key: {name: float(speed) for name, speed in speeds.items()} for key, speeds in found.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _remember(key: str, speeds: dict[str, float]) -> dict[str, float]:
    """Keep a measurement; where the cache cannot be written, it costs the next run another one."""
    path = cache_dir() / MEASURED
    temporary = path.with_name(f".{MEASURED}.{os.getpid()}")
    kept = _measurements() | {key: {name: round(speed, 1) for name, speed in speeds.items()}}
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
        temporary.replace(path)
    return speeds
