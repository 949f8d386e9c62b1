"""A disk that is full, or that fails, costs what is not committed and nothing else, and is called what it is."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from rag.errors import IndexProblem
from rag.index import dense
from rag.index.database import Database, explained
from rag.index.writer import Writer
from tests.index.samples import database_file, dense_file, filled, held, open_writer, put
from tests.reliability import workload
from tests.reliability.recovery import Oracle, documents, recover
from tests.reliability.small_disk import open_files
from tests.reliability.syncs import Syncs
from tests.reliability.tracing import ROOT, Point, Tracer
from tests.reliability.workload import REFUSED

FAILURES = {
    "pwrite64": ("EIO", "ENOSPC"),
    "write": ("EIO", "ENOSPC"),
    "fsync": ("EIO",),
    "fdatasync": ("EIO",),
    "ftruncate": ("EIO",),
    "openat": ("EIO", "ENOSPC"),
    "mkdir": ("EIO", "ENOSPC"),
    "rename": ("EIO", "ENOSPC"),
    "unlink": ("EIO",),
}
SAYS_FULL = ("write", "rename", "mkdir")
"""Calls whose error reaches us as it is; SQLite says of its own that they failed, and we look at the disk."""


# ------------------------------------------------------------ a disk that is too small


def small_disks(folder: Path, limit: str, step: int) -> int:
    """How many disks, each larger than the last, the workload has found full."""
    alone = ["unshare", "--user", "--map-root-user", "--mount"]
    if not shutil.which("unshare") or not shutil.which("mount"):
        pytest.skip("unshare and mount are not installed")
    mounts = subprocess.run([*alone, "mount", "-t", "tmpfs", "tmpfs", str(folder)], capture_output=True, text=True)
    if mounts.returncode:
        pytest.skip(f"nothing can be mounted here: {mounts.stderr.strip()}")
    command = [*alone, sys.executable, "-m", "tests.reliability.small_disk", str(folder), limit, str(step)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize(("limit", "step", "least"), [("size", 32768, 14), ("nr_inodes", 1, 9)])
def test_a_disk_that_is_full_is_called_full_and_keeps_the_last_commit(
    tmp_path: Path, limit: str, step: int, least: int
) -> None:
    assert small_disks(tmp_path, limit, step) >= least


@pytest.mark.slow
def test_a_disk_that_is_full_at_any_page_keeps_the_last_commit(tmp_path: Path) -> None:
    assert small_disks(tmp_path, "size", 4096) >= 110


# ------------------------------------------------------------ calls that fail


def fail(tracer: Tracer, point: Point, error: str, path: Path, oracle: Oracle) -> None:
    """Let that call fail, once and then also all later ones of its name, and look at what the workload leaves."""
    for since in ("",) if point.call == "write" else ("", "+"):  # what is said is written too
        outcome = tracer.run(path, f"{point.call}:error={error}:when={point.nth}{since}", traced=point.call)
        case = f"{error} at {point}{since}: {outcome}"
        assert outcome.status in (0, REFUSED), case
        assert outcome.status == 0 or outcome.said.startswith("Index"), case
        if error == "ENOSPC" and point.call in SAYS_FULL and outcome.status:
            assert "is full. The index keeps its last commit" in outcome.said, case
        try:
            recover(path, outcome.reached, oracle)
        except Exception as found:
            found.add_note(case)
            raise
        workload.clear(path)


@pytest.mark.parametrize("call", FAILURES)
def test_a_call_that_fails_is_a_sentence_and_leaves_a_whole_commit(
    tracer: Tracer, points: list[Point], oracle: Oracle, call: str, tmp_path: Path
) -> None:
    chosen = [point for point in points if point.call == call]
    for error in FAILURES[call]:
        for point in chosen[1 :: max(1, len(chosen) // (6 if call == "fdatasync" else 2))]:
            fail(tracer, point, error, tmp_path / "index", oracle)


@pytest.mark.slow
@pytest.mark.parametrize("call", FAILURES)
def test_any_call_that_fails_is_a_sentence_and_leaves_a_whole_commit(
    tracer: Tracer, points: list[Point], oracle: Oracle, call: str, tmp_path: Path
) -> None:
    chosen = [point for point in points if point.call == call]
    for error in FAILURES[call]:
        for point in chosen[:: 9 if call == "pwrite64" else 1]:
            fail(tracer, point, error, tmp_path / "index", oracle)


# ------------------------------------------------------------ a sync that failed


def fail_syncs(tracer: Tracer, path: Path, name: str, *, every: int) -> int:
    """Let syncs of the workload fail, one a run, and see that none is trusted again; how many have failed."""
    syncs = [point for point in tracer.points(path, name) if point.call in ("fsync", "fdatasync")]
    failed = 0
    for point in syncs[::every]:
        workload.clear(path)
        outcome = tracer.run(path, f"{point.call}:error=EIO:when={point.nth}", workload=name)
        seen = Syncs(path)
        seen.follow(tracer.trace.read_text("utf-8", "replace"))
        assert not seen.trusted, f"{point}: {outcome}"
        documents(path)
        failed += len(seen.failed)
    return failed


def test_a_writer_never_goes_on_after_a_sync_that_failed(tracer: Tracer, oracle: Oracle, tmp_path: Path) -> None:
    assert fail_syncs(tracer, tmp_path / "index", "insist", every=1) > 15


@pytest.mark.slow
def test_no_sync_that_failed_is_trusted_again(tracer: Tracer, oracle: Oracle, tmp_path: Path) -> None:
    assert fail_syncs(tracer, tmp_path / "index", "run", every=1) > 50


# ------------------------------------------------------------ the same, where nothing can be traced or mounted


def broken(_descriptor: int) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_a_writer_whose_disk_failed_writes_nothing_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 0)
    writer = open_writer(path)
    put(writer, 2)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        with pytest.raises(IndexProblem, match="Input/output error"):
            writer.commit()
    for verb in (lambda: put(writer, 2), writer.commit):
        with pytest.raises(IndexProblem, match=r"writes nothing more.*run the same command again"):
            verb()
    writer.close()
    assert held(path) == {"d1v0"}
    with open_writer(path) as writer:
        put(writer, 2)
    assert held(path) == {"d1v0", "d2v0"}


def failing(code: int, statement: str) -> Callable[..., object]:
    """`Database.all` with an error of SQLite in place of the statement."""
    every = Database.all

    def fails(self: Database, text: str, values: tuple[object, ...] = ()) -> object:
        if text != statement:
            return every(self, text, values)
        with explained(self.file):
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = code
            raise error

    return fails


def test_a_derived_file_outlives_the_commit_that_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its sync may have failed with all of it in the log, where the next writer finds it."""
    path = filled(tmp_path, [1])
    monkeypatch.setattr(dense, "tail_limit", lambda _base: 0)
    writer = open_writer(path)
    put(writer, 2)
    with monkeypatch.context() as patched:
        patched.setattr(Database, "all", failing(sqlite3.SQLITE_IOERR_FSYNC, "COMMIT"))
        with pytest.raises(IndexProblem, match="disk I/O error"):
            writer.commit()
    writer.close()
    assert len(list(database_file(path).parent.glob("dense-*.faiss"))) == 2
    assert held(path) == {"d1v0"}
    with open_writer(path):
        pass
    assert dense_file(path)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_CANTOPEN])
def test_an_error_of_sqlite_on_a_full_disk_says_that_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = filled(tmp_path, [1])
    with open_writer(path) as writer, monkeypatch.context() as patched:
        patched.setattr(Database, "all", failing(code, "SAVEPOINT step"))
        with pytest.raises(IndexProblem, match=r"cannot be read or written: disk I/O error"):
            put(writer, 2)
        patched.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=4096))
        with pytest.raises(IndexProblem, match=r"is full. The index keeps its last commit"):
            put(writer, 2)


def test_a_writer_that_cannot_be_opened_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    with monkeypatch.context() as patched:
        patched.setattr(Writer, "_sweep", lambda _self: broken(0))
        with pytest.raises(OSError, match="Input/output error"):
            open_writer(path)
    assert not database_file(path).with_name("index.sqlite-wal").exists()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="this system does not list the files that are open")
def test_a_generation_that_cannot_be_made_leaves_nothing_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", broken)
        with pytest.raises(IndexProblem, match="Input/output error") as caught:
            open_writer(tmp_path / "index")
        assert not [name for name in open_files() if name.startswith(str(tmp_path))], caught.value


def test_a_writer_moves_what_another_left_in_the_log_to_where_it_is_durable(tmp_path: Path) -> None:
    path = filled(tmp_path / "index", [1])
    with open_writer(path) as writer:
        put(writer, 2)
        writer.commit()
        shutil.copytree(path, tmp_path / "killed")
    with open_writer(tmp_path / "killed"):
        shutil.copytree(tmp_path / "killed", tmp_path / "durable", ignore=shutil.ignore_patterns("*-wal", "*-shm"))
    assert held(tmp_path / "durable") == {"d1v0", "d2v0"}
