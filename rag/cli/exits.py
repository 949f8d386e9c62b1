"""How a command ends: the exit codes that README.md promises, decided in one place.

0 done · 1 the user can fix it, one line · 2 usage (typer's) · 70 our bug, traceback · 75 busy · 130 interrupted
"""

from __future__ import annotations

import errno
import functools
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import ParamSpec

from rag.cli.escape import printable, printable_lines
from rag.errors import RagError

DONE = 0
FIXABLE = 1
DEFECT = 70
INTERRUPTED = 130

P = ParamSpec("P")


def ends_well(command: Callable[P, int | None]) -> Callable[P, None]:
    """`command` with its outcome turned into an exit: what it returns is the code, None is 0."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        with _Exits():
            code = command(*args, **kwargs)
            sys.stdout.flush()  # here, so that a closed pipe or a full disk is still ours to report
            if code:
                raise SystemExit(code)

    return run


class _Exits:
    """Turns an exception that leaves the block into its line on stderr and its exit code."""

    def __enter__(self) -> None:
        """From here on, Ctrl-C is remembered until `heed_interruption`."""
        _pressed.clear()
        ours = threading.current_thread() is threading.main_thread()
        self._listens = ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if self._listens:
            signal.signal(signal.SIGINT, _interrupt)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if self._listens:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if isinstance(error, (Exception, KeyboardInterrupt)) and not _belongs_to_typer(error):
            raise SystemExit(_code(error)) from None


_pressed = threading.Event()


def _interrupt(number: int, frame: FrameType | None) -> None:
    _pressed.set()
    signal.default_int_handler(number, frame)


def heed_interruption() -> None:
    """Raise KeyboardInterrupt once if Ctrl-C was pressed and came to nothing.

    Compiled modules that are being imported may lose it (scipy does); long work asks here between its steps.
    """
    if _pressed.is_set():
        _pressed.clear()
        raise KeyboardInterrupt


def _belongs_to_typer(error: BaseException) -> bool:
    """Whether typer has its own way with it: a usage error found inside a command, or `typer.Exit`."""
    return type(error).__module__.split(".")[0] in {"typer", "click"}


def _code(error: BaseException) -> int:
    """Say what happened; the exit code for it."""
    if isinstance(error, BrokenPipeError):
        _leave_the_pipe()
        return DONE
    if isinstance(error, KeyboardInterrupt):
        complain("interrupted; progress is kept, the same command goes on from there")
        return INTERRUPTED
    if isinstance(error, RagError):
        complain(f"error: {error}")
        return error.exit_code
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        complain(f"error: {error}: nothing more can be written there; free some space and try again")
        return FIXABLE
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        complain(f"error: {error}: there can be nothing of that name; name another file or folder")
        return FIXABLE
    _show_defect(error, error.__traceback__)
    return DEFECT


def complain(message: str) -> None:
    """One line on stderr, with what came from documents or file names spelled out."""
    print("rag:", printable(" ".join(message.split())), file=sys.stderr, flush=True)


def _show_defect(error: BaseException, trace: TracebackType | None) -> None:
    lines = "".join(traceback.format_exception(type(error), error, trace))
    print(printable_lines(lines), end="", file=sys.stderr)
    complain("this is a defect of rag, not yours; please report it with the lines above")


def _leave_the_pipe() -> None:
    """The reader has gone (`rag ls | head`): send what Python still flushes at its exit nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
