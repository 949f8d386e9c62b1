"""Tells the numeric libraries how many threads they may use (`rag.threads` decides it), and how these wait."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rag.threads import thread_count

if TYPE_CHECKING:
    import onnxruntime

SPINS = "20000"
"""Turns that GNU OpenMP (torch on Linux) waits before a thread sleeps. A token of a small language model is hundreds of
short products: waking a thread for each costs much of the time, and never sleeping starves whoever else works."""


def prepare_numpy() -> None:
    """Tell numpy, before it is imported, to multiply in one thread.

    Its products are small here, and those threads of OpenBLAS that wait for another one keep the processors for some
    20 ms.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def prepare() -> None:
    """Tell the libraries that read the environment when they are loaded (OpenMP: torch, FAISS; rayon: tokenizers)."""
    count = str(thread_count())
    os.environ.setdefault("OMP_NUM_THREADS", count)
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that wait leave the processor to who works ...
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)  # ... after about a millisecond
    os.environ.setdefault("RAYON_NUM_THREADS", count)
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")


def session_options(threads: int | None = None) -> onnxruntime.SessionOptions:
    """ONNX Runtime's options: `threads`, or our number of them, which sleep instead of spinning when they wait."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or thread_count()
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_mem_pattern = False  # patterns are for fixed shapes; batches vary
    options.log_severity_level = 3  # errors alone; they are raised as well
    return options


def limit_torch() -> None:
    """Give torch our number of threads."""
    import torch

    if torch.get_num_threads() != thread_count():
        torch.set_num_threads(thread_count())
