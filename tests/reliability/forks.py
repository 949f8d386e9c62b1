"""Runs the workload again and again without starting anew: `python -m tests.reliability.forks`.

Reads a workload's name and a folder's path a line, forks a child and says its process id; the child waits for a byte
on the same stdin, so that a tracer can attach meanwhile, and then runs the workload. Its exit status follows its output
as "exit N".
"""

from __future__ import annotations

import ctypes
import os
import sys
import tempfile
from pathlib import Path

from tests.reliability import workload

_PR_SET_PTRACER = 0x59616D61
_ANYONE = ctypes.c_ulong(-1 & (2**64 - 1))


def serve() -> None:
    """Fork a child for each line of stdin."""
    with tempfile.TemporaryDirectory() as folder:
        list(workload.run(Path(folder) / "index"))  # all imports that are made late are made now
    print("ready", flush=True)
    while line := sys.stdin.readline():
        if (child := os.fork()) == 0:
            name, path = line.rstrip("\n").split(" ", 1)
            os._exit(_run(name, Path(path)))
        _, status = os.waitpid(child, 0)
        print(f"exit {os.waitstatus_to_exitcode(status)}", flush=True)


def _run(name: str, path: Path) -> int:
    # Where only ancestors may trace (Yama), the tracer is none: whoever asks is let in.
    ctypes.CDLL(None).prctl(_PR_SET_PTRACER, _ANYONE, 0, 0, 0)
    print(os.getpid(), flush=True)
    os.read(0, 1)
    try:
        return workload.main(path, name)
    finally:
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
