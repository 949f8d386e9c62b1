"""GGUF files run as they are, quantised, by llama.cpp (the package xllamacpp, the extra `gguf`).

    model = open_gguf(Path("models/qwen2.5-3b-instruct-q4_k_m.gguf"))

The binding is llama.cpp's own server within this process, so that the file's chat template and tokenizer are used as
llama.cpp does, and a GGUF file is one more `ServerModel`. It listens on a socket file in a folder of our own; on
Windows, where Python has none, on the loopback device. A key that is drawn for the process keeps others out.
"""

from __future__ import annotations

import importlib.util
import secrets
import shutil
import socket
import tempfile
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rag.datatypes import Message
from rag.errors import ModelError
from rag.models.endpoint import Endpoint
from rag.models.server import ServerModel, turns
from rag.threads import thread_count

CONTEXT = 8192
"""Tokens of context that memory is taken for; a model that was trained on less gets that."""
_SOCKETS = hasattr(socket, "AF_UNIX")


def runs_gguf() -> bool:
    """Whether the package that runs GGUF files is installed."""
    return importlib.util.find_spec("xllamacpp") is not None


def open_gguf(path: Path, *, device: str = "auto") -> GgufModel:
    """The model in a `.gguf` file; on a GPU where the installed build of xllamacpp has one, unless `device` is "cpu".

    Raises ModelError where llama.cpp cannot load it.
    """
    import xllamacpp

    key, folder = secrets.token_urlsafe(16), tempfile.mkdtemp(prefix="rag-")
    params = _parameters(xllamacpp.CommonParams(), path, device)
    params.api_keys = [key]
    params.hostnames = [f"{folder}/gguf.sock" if _SOCKETS else "127.0.0.1"]
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as problem:
        shutil.rmtree(folder)
        raise ModelError(
            f"{path} cannot be loaded by llama.cpp: it is damaged, too large for the memory, or of a kind that the "
            "installed version does not know. Fetch it again, or: python -m pip install --upgrade xllamacpp"
        ) from problem
    endpoint = (
        Endpoint("http://localhost/v1", key, socket_file=params.hostnames[0])
        if _SOCKETS
        else Endpoint(f"{server.listening_address}/v1", key)
    )
    model = GgufModel(str(path), endpoint, server)
    weakref.finalize(model, shutil.rmtree, folder, ignore_errors=True)
    return model


class GgufModel(ServerModel):
    """A GGUF file's model; `server` serves it at `endpoint`."""

    def __init__(self, name: str, endpoint: Endpoint, server: Any) -> None:
        settings = endpoint.json("GET", "/props", root=True)["default_generation_settings"]
        super().__init__(endpoint, name, context_tokens=int(settings["n_ctx"]), counts=True)
        self._server = server  # it serves as long as it is kept

    def render(self, messages: Sequence[Message]) -> str:
        """Exactly the text that the model is sent: the messages in the file's own chat template."""
        reply = self._endpoint.json("POST", "/apply-template", {"messages": turns(messages)}, root=True)
        return str(reply["prompt"])


def _parameters(params: Any, path: Path, device: str) -> Any:
    params.model.path = str(path)
    params.n_ctx = CONTEXT
    params.n_parallel = 2  # streams at a time, of one context that they share
    params.kv_unified = True
    params.cache_prompt = False  # what was asked before would change the last digits, and with them a word
    params.warmup = False
    params.ui = False
    params.offline = True
    params.verbosity = -1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = thread_count()
    params.default_template_kwargs = {"enable_thinking": "false"}  # as `rendering` tells transformers' templates
    if device == "cpu":
        params.n_gpu_layers = 0
    return params
