from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rag.errors import IndexBusy, IndexProblem
from rag.index import lock
from rag.index.lock import WriterLock

HOLD = "import sys, time; from pathlib import Path; from rag.index.lock import WriterLock; "
HOLD += "held = WriterLock(Path(sys.argv[1])); print('held', flush=True); time.sleep(600)"


def test_a_second_writer_is_told_who_the_first_is(tmp_path: Path) -> None:
    first = WriterLock(tmp_path)
    with pytest.raises(IndexBusy, match=rf"being written by process {os.getpid()}\.") as caught:
        WriterLock(tmp_path)
    assert caught.value.exit_code == 75
    first.release()
    WriterLock(tmp_path).release()


def test_the_lock_of_a_killed_writer_is_free(tmp_path: Path) -> None:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(IndexBusy, match=f"process {holder.pid}"):
            WriterLock(tmp_path)
        holder.send_signal(signal.SIGKILL)
    WriterLock(tmp_path).release()
    assert (tmp_path / "writer.lock").read_text() == f"{os.getpid()}\n"


def test_a_holder_that_has_not_written_its_number_is_unknown(tmp_path: Path) -> None:
    first = WriterLock(tmp_path)
    (tmp_path / "writer.lock").write_bytes(b"\xff?")
    with pytest.raises(IndexBusy, match="process unknown"):
        WriterLock(tmp_path)
    first.release()


def test_a_file_system_without_locks_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(_descriptor: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_lock", no_locks)
    with pytest.raises(IndexProblem, match=r"cannot lock files .No locks available."):
        WriterLock(tmp_path)


def test_a_lock_that_cannot_be_written_is_let_go_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left"):
            WriterLock(tmp_path)
    WriterLock(tmp_path).release()  # as `rag watch` does, in the same process, when there is room again
