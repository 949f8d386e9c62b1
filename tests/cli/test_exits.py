"""How commands end: exit codes, and what goes to which stream."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from rag.errors import IndexBusy

Run = Callable[..., Result]

START = "import sys; sys.argv[0] = 'rag'; from rag.cli import main; main()"


def started(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """The real program in `folder`."""
    path = os.pathsep.join(each for each in sys.path if each)
    env = {**os.environ, "PYTHONPATH": path, "RAG_MODELS": str(folder / "models"), **environ}
    command = [sys.executable, "-c", START, *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, timeout=120, check=False)


def test_what_the_user_can_fix_is_one_line_on_stderr_and_a_one(folder: Path) -> None:
    done = started(folder, "search", "anything")
    assert done.returncode == 1
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("rag: error: There is no index at ")
    assert "rag ingest" in lines[0]


def test_an_unknown_setting_is_a_one_and_an_unknown_flag_a_two(folder: Path) -> None:
    assert started(folder, "config", RAG_KK="3").returncode == 1
    assert started(folder, "config", "--nonsense").returncode == 2
    assert started(folder, "nonsense").returncode == 2
    assert started(folder, "search").returncode == 2


def test_help_and_version_are_a_zero(folder: Path) -> None:
    assert started(folder, "--version").stdout.startswith(b"rag 0.")
    for command in (
        "ingest",
        "search",
        "ask",
        "chat",
        "show",
        "status",
        "ls",
        "rm",
        "check",
        "models",
        "config",
        "eval",
    ):
        done = started(folder, command, "--help")
        assert done.returncode == 0
        assert f"Example: rag {command}".encode() in done.stdout


def test_a_defect_shows_its_traceback_and_is_a_seventy(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("from a document: \x1b[2J")

    monkeypatch.setattr("rag.pipeline.ingest", fail)
    result = rag("ingest", "docs", code=70)
    assert "Traceback" in result.stderr
    assert r"ZeroDivisionError: from a document: \x1b[2J" in result.stderr
    assert result.stdout == ""


def test_an_interruption_is_a_130_and_says_that_progress_is_kept(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("rag.pipeline.ingest", interrupt)
    assert "progress is kept" in rag("ingest", "docs", code=130).stderr


LOST = """
import os, signal, sys
import rag.cli.parts, rag.models.load
from rag.models.fakes import HashEmbedder

class Deaf(HashEmbedder):
    def embed_texts(self, texts, *, tokens=False):
        try:
            os.kill(os.getpid(), signal.SIGINT)
            for _ in range(1000):
                pass
        except KeyboardInterrupt:
            print("lost", flush=True)
        return super().embed_texts(texts, tokens=tokens)

rag.cli.parts.fetch = lambda name: None
rag.models.load.load_embedder = lambda name, **_: Deaf()
"""


def test_an_interruption_that_a_library_lost_is_heeded_at_the_next_step(folder: Path) -> None:
    path = os.pathsep.join(each for each in sys.path if each)
    command = [sys.executable, "-c", LOST + START, "ingest", "docs"]
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.stdout == "lost\n"
    assert done.stderr == "rag: interrupted; progress is kept, the same command goes on from there\n"
    assert done.returncode == 130


def test_a_busy_index_is_a_75(rag: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(*_: object, **__: object) -> None:
        raise IndexBusy("process 7 is writing\nto it")

    monkeypatch.setattr("rag.pipeline.ingest", busy)
    assert rag("ingest", "docs", code=75).stderr == "rag: error: process 7 is writing to it\n"


@pytest.mark.skipif(sys.platform == "win32", reason="a closed pipe is another error there")
def test_a_reader_that_leaves_is_no_error(folder: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    command = [sys.executable, "-c", START, "models", "--json"]
    with subprocess.Popen(command, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stderr is not None
        run.stdout.close()
        assert run.stderr.read() == b""
    assert run.returncode == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_line_and_a_one(folder: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-c", START, "config"]
        done = subprocess.run(command, cwd=folder, env=env, stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert b"No space left on device" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["eval", "tune", "watch"])
def test_a_name_that_is_too_long_is_one_line_and_a_one(indexed: Run, command: str) -> None:
    said = indexed(command, "long" * 100, code=1).stderr
    assert said.count("\n") == 1
    assert "there can be nothing of that name" in said


@pytest.mark.skipif(sys.platform == "win32", reason="closed by a shell")
@pytest.mark.parametrize(
    ("closed", "arguments", "code", "said"),
    [
        (">&-", ["config"], 0, b""),
        ("2>&-", ["config", "--index", "here"], 0, b"here"),
        (">&- 2>&-", ["config", "--nonsense"], 2, b""),
        ("<&-", ["ingest", "docs", "--password"], 1, b"--password was given no password"),
    ],
)
def test_a_stream_that_is_closed_is_no_defect(
    folder: Path, closed: str, arguments: list[str], code: int, said: bytes
) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    command = ["sh", "-c", f'exec "$0" "$@" {closed}', sys.executable, "-c", START, *arguments]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, check=False)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert b"Traceback" not in done.stderr


def test_a_pipe_gets_utf8_whatever_the_locale_is(folder: Path) -> None:
    done = started(folder, "config", "--index", "索引", PYTHONIOENCODING="ascii")
    assert done.returncode == 0
    assert "索引" in done.stdout.decode("utf-8")


def test_help_loads_neither_numpy_nor_torch_nor_rich_and_is_quick(folder: Path) -> None:
    code = (
        "import sys, time; before = time.perf_counter(); sys.argv = ['rag', '--help']\n"
        "from rag.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "import json; took = time.perf_counter() - before\n"
        "print('\\n' + json.dumps([took, sorted(name.split('.')[0] for name in sys.modules)]))\n"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    runs = [
        subprocess.run([sys.executable, "-c", code], cwd=folder, env=env, capture_output=True, check=True)
        for _ in range(3)
    ]
    found = [json.loads(run.stdout.splitlines()[-1]) for run in runs]
    assert not {"numpy", "torch", "rich", "pydantic", "onnxruntime", "faiss"} & set(found[0][1])
    assert min(took for took, _ in found) < 1.0  # generous: 0.1 s on a quiet machine
