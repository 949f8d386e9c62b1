"""rag watch: real changes to real folders, and what it does when it cannot."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from rag.cli import watching
from rag.errors import CorpusError, IndexBusy
from rag.index.index import Index

Run = Callable[..., Result]
Step = Callable[[], object]


def names(folder: Path) -> set[str]:
    """The files that the index holds."""
    try:
        with Index.open(folder / "indexes" / "default") as index:
            return {source.path for source in index.all_sources() if source.document}
    except Exception:  # noqa: BLE001 (it is being made)
        return set()


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def meanwhile(steps: Callable[[], None]) -> list[BaseException]:
    """Take the steps in a thread, then stop the program as Ctrl-C does; what went wrong in them."""
    wrong: list[BaseException] = []

    def run() -> None:
        try:
            steps()
        except BaseException as error:  # noqa: BLE001 (told by the test)
            wrong.append(error)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=run, daemon=True).start()
    return wrong


def test_an_index_keeps_in_step_with_a_folder(rag: Run, folder: Path) -> None:
    docs = folder / "docs"

    def edits() -> None:
        until(lambda: len(names(folder)) == 3, "the first ingest")
        (docs / "new.md").write_text("# New\n\nThe gauge of the pump was replaced.\n")
        until(lambda: "new.md" in names(folder), "a new file")
        (docs / "winch.txt.tmp~").write_text("The rope is replaced every 24 months.")
        (docs / "winch.txt.tmp~").replace(docs / "winch.txt")
        until(lambda: b"24 months" in text(folder, "winch.txt"), "a file that was written beside and renamed")
        (docs / "new.md").unlink()
        (docs / "sub" / "evil.txt").rename(docs / "sub" / "good.txt")
        until(lambda: names(folder) == {"winch.txt", "ferry.md", "sub/good.txt"}, "a removal and a renaming")

    wrong = meanwhile(edits)
    result = rag("watch", "docs", code=130)
    assert wrong == []
    lines = [line.split("  ", 1)[1] for line in result.stdout.splitlines()]
    assert lines[0].startswith("3 indexed; 3 chunks (commit ")
    assert all(line.startswith("1 indexed") or "removed" in line for line in lines[1:])
    assert "watching docs; stop with Ctrl-C" in result.stderr


def text(folder: Path, name: str) -> bytes:
    with Index.open(folder / "indexes" / "default") as index:
        (found,) = [source for source in index.all_sources() if source.path == name]
        return index.text(found.document or "").encode()


def scripted(monkeypatch: pytest.MonkeyPatch, rounds: list[list[Step]]) -> None:
    """In place of what happens on the disk: each list is one time that folders are watched."""
    waiting = iter(rounds)

    def changes(*_: object) -> Iterator[None]:
        steps = next(waiting, None)
        if steps is None:
            raise KeyboardInterrupt
        for step in steps:
            step()
            yield

    monkeypatch.setattr(watching, "_changes", changes)
    monkeypatch.setattr(watching, "FIRST_PAUSE_S", 0.0)


def fails(error: Exception) -> Step:
    def step() -> None:
        raise error

    return step


def nothing() -> None:
    """No step."""


def test_what_cannot_be_done_is_said_once_and_tried_again(
    rag: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy, gone = fails(IndexBusy("written by process 7")), fails(CorpusError("docs is gone"))
    scripted(monkeypatch, [[busy], [busy], [gone], [nothing, nothing], [busy], [nothing]])
    result = rag("watch", "docs", code=130)
    said = [line for line in result.stderr.splitlines() if "error" in line]
    assert [("process 7" in line, "gone" in line) for line in said] == [(True, False), (False, True), (True, False)]
    assert len(result.stdout.splitlines()) == 1
    assert len(names(folder)) == 3


def test_each_report_says_what_the_one_before_did_not(rag: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad(name: str) -> Step:
        return lambda: (folder / "docs" / name).write_bytes(bytes(range(256)) * 20)

    scripted(monkeypatch, [[bad("one.txt"), nothing, bad("two.txt"), lambda: (folder / "docs" / "ferry.md").unlink()]])
    result = rag("watch", "docs", code=130)
    assert sum("one.txt: undecodable" in line for line in result.stderr.splitlines()) == 1
    assert sum("two.txt: undecodable" in line for line in result.stderr.splitlines()) == 1
    assert [line.split("  ", 1)[1] for line in result.stdout.splitlines()] == [
        "3 indexed; 3 chunks (commit 1)",
        "1 removed; 2 chunks (commit 3)",
    ]


def test_reports_as_json_are_those_of_ingest(rag: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scripted(monkeypatch, [[nothing, nothing, lambda: (folder / "docs" / "ferry.md").unlink()]])
    reports: list[dict[str, Any]] = list(map(json.loads, rag("watch", "docs", "--json", code=130).stdout.splitlines()))
    assert [(each["commit"], each["files"]["removed"]) for each in reports] == [(1, 0), (2, 1)]


def test_only_folders_are_watched(rag: Run, folder: Path) -> None:
    assert "is no folder" in rag("watch", "docs/winch.txt", code=1).stderr
    assert "is no folder" in rag("watch", "nowhere", code=1).stderr


def test_a_folder_that_is_gone_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("once a folder")
    with pytest.raises(CorpusError, match=r"file is no folder any more\. Nothing was removed"):
        watching._places([tmp_path, tmp_path / "file"])
    with pytest.raises(CorpusError, match=r"nowhere cannot be found .* Nothing was removed"):
        next(watching._changes([tmp_path / "nowhere"], tmp_path / "index"))


@pytest.mark.parametrize("error", [OSError("OS file watch limit reached"), RuntimeError("internal")])
def test_what_cannot_be_watched_is_taken_in_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refused(*_: object, **__: object) -> Iterator[None]:
        raise error

    monkeypatch.setattr("watchfiles.watch", refused)
    changes = watching._changes([tmp_path], tmp_path / "index")
    assert next(changes, "nothing") is None
    with pytest.raises(CorpusError, match=r"cannot be watched: .*max_user_watches.* WATCHFILES_FORCE_POLLING=1"):
        next(changes)


def test_a_folder_whose_place_another_takes_is_watched_anew(rag: Run, folder: Path) -> None:
    docs = folder / "docs"

    def edits() -> None:
        until(lambda: len(names(folder)) == 3, "the first ingest")
        docs.rename(folder / "before")
        docs.mkdir()
        (docs / "ferry.md").write_text("The ferry leaves at seven.")
        until(lambda: names(folder) == {"ferry.md"}, "another folder")
        (docs / "later.md").write_text("It comes back at nine.")
        until(lambda: names(folder) == {"ferry.md", "later.md"}, "a file in the other folder")

    wrong = meanwhile(edits)
    rag("watch", "docs", code=130)
    assert wrong == []


@pytest.mark.parametrize(
    ("path", "concerns"),
    [
        ("docs/a.md", True),
        ("docs/sub/a.md", True),
        ("docs/.a.md.swp", False),
        ("docs/.git/index", False),
        ("docs/node_modules/a/readme.md", False),
        ("docs/index/gen-000001/index.sqlite-wal", False),
        ("elsewhere/a.md", False),
        (".hidden/docs/a.md", True),
        ("docs/.ragignore", True),
    ],
)
def test_only_what_would_be_read_is_a_reason_to_look(path: str, concerns: bool) -> None:
    roots = [Path("/home/docs"), Path("/home/.hidden/docs")]
    assert watching._concerns(Path("/home") / path, roots, Path("/home/docs/index")) is concerns


def test_what_a_ragignore_brings_back_is_a_reason_to_look(tmp_path: Path) -> None:
    (tmp_path / "docs" / "sub").mkdir(parents=True)
    (tmp_path / "docs" / ".ragignore").write_text("!.github/\n")
    (tmp_path / "docs" / "sub" / ".ragignore").write_text("!.notes.md\n")
    seen = [".github/a.md", "sub/.github/a.md", "sub/.notes.md", ".git/a.md", ".notes.md", ".github/.cache/x"]
    roots = [tmp_path / "docs"]
    concerns = [watching._concerns(roots[0] / name, roots, tmp_path / "index") for name in seen]
    assert concerns == [True, True, True, False, False, False]
