"""Walking folders: which files come out, in which order, and how the others end."""

import errno
import os
import socket
import stat
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.corpus import walk as module
from rag.corpus.readers import READERS
from rag.corpus.walk import Found, walk
from rag.datatypes import Source, State
from rag.errors import CorpusError

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


def files(root: Path, *names: str) -> Path:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"text")
    return root


def paths(found: Sequence[Found | Source]) -> list[str]:
    return [each.path for each in found]


def rules(found: Sequence[Found | Source]) -> dict[str, str]:
    """What was left out, with the rule."""
    return {each.path: each.left_out for each in found if isinstance(each, Source)}


def only_source(root: Path) -> Source:
    (outcome,) = walk([root])
    assert isinstance(outcome, Source)
    return outcome


def test_files_come_sorted_with_their_stat(tmp_path: Path) -> None:
    files(tmp_path, "b.txt", "a/z.md", "a/b/c.txt", "ä.txt", "c")
    found = list(walk([tmp_path]))
    assert paths(found) == ["a/b/c.txt", "a/z.md", "b.txt", "c", "ä.txt"]
    first = found[0]
    assert isinstance(first, Found)
    status = first.location.stat()
    assert first.root == tmp_path.resolve().as_posix()
    assert (first.size, first.mtime_ns, first.inode) == (4, status.st_mtime_ns, status.st_ino)
    assert list(walk([tmp_path])) == found


def test_hidden_and_generated_files_are_left_out(tmp_path: Path) -> None:
    files(tmp_path, ".hidden", ".git/config", "node_modules/x.md", "a/__pycache__/x.txt", "~$open.docx", "seen.md")
    outcomes = list(walk([tmp_path]))
    assert [each.path for each in outcomes if isinstance(each, Found)] == ["seen.md"]
    assert rules(outcomes) == {
        ".git": "hidden", ".hidden": "hidden", "a/__pycache__": "__pycache__", "node_modules": "node_modules",
        "~$open.docx": "lock files of an office program",
    }  # fmt: skip


def test_a_named_file_or_folder_is_never_left_out(tmp_path: Path) -> None:
    files(tmp_path, ".notes/.hidden.md")
    assert paths(list(walk([tmp_path / ".notes" / ".hidden.md"]))) == [".hidden.md"]
    files(tmp_path, ".notes/seen.md")
    assert paths(list(walk([tmp_path / ".notes"]))) == [".hidden.md", "seen.md"]
    assert rules(list(walk([tmp_path / ".notes", tmp_path / ".notes" / ".hidden.md"]))) == {}


def test_what_is_excluded_is_left_out(tmp_path: Path) -> None:
    files(tmp_path, "a.md", "index/rows.txt")
    outcomes = list(walk([tmp_path], exclude=[tmp_path / "index"]))
    assert (paths(outcomes), rules(outcomes)) == (["a.md", "index"], {"index": "an index"})


def test_an_index_or_a_snapshot_below_a_root_is_left_out(tmp_path: Path) -> None:
    files(tmp_path, "backup/monday/CURRENT", "backup/monday/gen-000001/index.sqlite", "a.txt", "CURRENT", "b/CURRENT")
    outcomes = list(walk([tmp_path]))
    assert paths(outcomes) == ["CURRENT", "a.txt", "b/CURRENT", "backup/monday"]
    assert rules(outcomes) == {"backup/monday": "an index"}


def test_a_file_as_root_lies_in_its_folder(tmp_path: Path) -> None:
    (found,) = walk([files(tmp_path, "a/b.txt") / "a" / "b.txt"])
    assert isinstance(found, Found)
    assert (found.root, found.path) == ((tmp_path / "a").resolve().as_posix(), "b.txt")


def test_overlapping_roots_give_each_file_once(tmp_path: Path) -> None:
    files(tmp_path, "a/b.txt", "c.txt")
    found = list(walk([tmp_path / "a" / "b.txt", tmp_path / "a", tmp_path, tmp_path / "a" / ".." / "c.txt"]))
    assert sorted(paths(found)) == ["a/b.txt", "c.txt"]


def test_a_missing_root_is_an_error_before_anything_comes_out(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"missing cannot be found .* Nothing was removed"):
        walk([files(tmp_path, "a.txt"), tmp_path / "missing"])


@posix
def test_links_are_followed_to_files_inside_only(tmp_path: Path) -> None:
    outside = files(tmp_path / "outside", "secret.txt")
    root = files(tmp_path / "docs", "real.txt", "folder/x.txt")
    (root / "alias.txt").symlink_to(root / "real.txt")
    (root / "escape.txt").symlink_to(outside / "secret.txt")
    (root / "loop").symlink_to(root)
    (root / "nowhere.txt").symlink_to(root / "gone.txt")
    outcomes = {each.path: each for each in walk([root])}
    skipped = {path: each.reason for path, each in outcomes.items() if isinstance(each, Source)}
    assert skipped == {
        "escape.txt": "a link that leads out of the folder",
        "loop": "a link to a folder, which is not followed",
        "nowhere.txt": "a link to nothing",
    }
    assert {path for path in outcomes if path not in skipped} == {"alias.txt", "real.txt", "folder/x.txt"}


@posix
def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(files(tmp_path / "docs", "a.txt"))
    assert paths(list(walk([tmp_path / "link"]))) == ["a.txt"]


@posix
def test_sockets_and_pipes_are_skipped(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert (only_source(tmp_path).state, only_source(tmp_path).reason) == (State.SKIPPED, "not a regular file")
    assert stat.S_ISFIFO((tmp_path / "pipe.txt").stat().st_mode)
    assert socket.AF_UNIX  # a socket file has the same rule; binding one needs a short path


@posix
def test_a_name_that_is_not_utf8_is_named_and_not_read(tmp_path: Path) -> None:
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    except (OSError, UnicodeError):
        pytest.skip("this file system takes no such names")
    outcome = only_source(tmp_path)
    assert (outcome.state, outcome.path, outcome.fix) == (State.FAILED, "caf\\xe9.txt", "rename it")
    with pytest.raises(CorpusError, match=r"caf\\xe9.txt is not valid UTF-8"):
        walk([tmp_path / os.fsdecode(b"caf\xe9.txt")])


def test_a_large_file_that_could_be_read_is_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "a.txt", "b.iso")
    monkeypatch.setitem(READERS, ".txt", replace(READERS[".txt"], max_bytes=3))
    states = {each.path: each.state if isinstance(each, Source) else None for each in walk([tmp_path])}
    assert states == {"a.txt": State.TOO_LARGE, "b.iso": None}


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "a/x.txt", "b.txt")
    listed = os.scandir

    def refusing(path: Path) -> object:
        if path.name == "a":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(CorpusError, match=r"a cannot be read \(Permission denied\). Nothing was removed"):
        list(walk([tmp_path]))


@posix
def test_a_file_whose_stat_fails_is_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files(tmp_path, "a.txt")
    plain = Path.stat

    def refusing(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.name == "a.txt" and follow_symlinks:
            raise PermissionError(13, "Permission denied")
        return plain(path, follow_symlinks=follow_symlinks)

    found = module._below(tmp_path, set())
    assert [path.name for path, _ in found] == ["a.txt"]
    monkeypatch.setattr(Path, "stat", refusing)
    outcome = module._looked_at(tmp_path, tmp_path / "a.txt")
    assert isinstance(outcome, Source)
    assert (outcome.state, outcome.reason) == (State.FAILED, "cannot be read: Permission denied")


@posix
def test_a_file_that_grows_or_becomes_a_pipe_is_read_no_further(tmp_path: Path) -> None:
    files(tmp_path, "a.txt", "b.txt")
    first, second = (each for each in walk([tmp_path]) if isinstance(each, Found))
    assert module.content(first, 10) == b"text"
    first.location.write_bytes(b"x" * 100)
    assert module.content(first, 10) == b"x" * 11
    second.location.unlink()
    os.mkfifo(second.location)
    with pytest.raises(OSError, match="not a regular file any more"):
        module.content(second, 10)


def test_a_file_that_vanished_is_passed_over(tmp_path: Path) -> None:
    files(tmp_path, "a.txt", "b.txt")
    found = walk([tmp_path])
    assert next(found).path == "a.txt"
    (tmp_path / "b.txt").unlink()
    assert list(found) == []


def test_a_folder_that_can_be_listed_but_not_looked_into_removes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "a.md").write_text("text")
    status = os.lstat

    def refused(path: Any, *arguments: Any, **named: Any) -> os.stat_result:
        if str(path).endswith("a.md"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return status(path, *arguments, **named)

    monkeypatch.setattr(Path, "lstat", refused)
    with pytest.raises(CorpusError, match=r"the folder .*sub cannot be read \(Permission denied\)"):
        list(walk([tmp_path]))
