from __future__ import annotations

import ast
import errno
import hashlib
import os
import sys
from pathlib import Path

import pytest

from rag.index import atomic

CHANGES = {
    *("mkdir", "makedirs", "rmdir", "removedirs", "rmtree", "unlink", "rename", "renames", "symlink", "symlink_to"),
    *("link", "hardlink_to", "touch", "truncate", "ftruncate", "fsync", "fdatasync", "chmod", "write_text"),
    *("write_bytes", "copyfile", "copyfileobj", "copytree", "copy2", "utime", "mkstemp", "mkdtemp"),
}
OF_SYSTEM = {"open", "replace", "remove", "write", "pwrite", "move", "copy"}
"""Names that other things have too: calls of `os` and `shutil` only."""


def changes_the_disk(call: ast.Call) -> bool:
    """Whether the call, which is not one of `atomic`, may make, write, move or remove a file or a folder."""
    owner = call.func.value if isinstance(call.func, ast.Attribute) else None
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    of = owner.id if isinstance(owner, ast.Name) else ""
    modes = [
        value.value
        for value in [*call.args, *(named.value for named in call.keywords)]
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    ]
    if of == "atomic":
        return False
    if name in CHANGES or (of in ("os", "shutil") and name in OF_SYSTEM):
        return True
    if name == "replace":  # Path's has one value; those of texts, dates and dataclasses have others
        return owner is not None and len(call.args) == 1 and not call.keywords
    return name in ("open", "fdopen") and any(set(mode) & set("wax+") and len(mode) < 4 for mode in modes)


def test_what_is_written_is_there_with_its_hash(tmp_path: Path) -> None:
    assert atomic.write(tmp_path / "a", b"data") == hashlib.sha256(b"data").hexdigest()
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"data"
    assert atomic.digest(tmp_path / "a") == hashlib.sha256(b"data").hexdigest()


@pytest.mark.parametrize("broken", ["fsync", "digest", "replace"])
def test_a_failure_at_any_step_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    atomic.write(tmp_path / "a", b"old")

    def fails(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if broken == "digest":
        monkeypatch.setattr(atomic, "digest", lambda _path: "another")
    else:
        monkeypatch.setattr(os if broken == "fsync" else Path, broken, fails)
    with pytest.raises(OSError, match=r"No space left|not those written"):
        atomic.write(tmp_path / "a", b"new")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("a", b"old")]


def test_a_rename_that_windows_refuses_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals = [PermissionError(), PermissionError()]
    replace = Path.replace

    def refused_twice(self: Path, target: Path) -> Path:
        if refusals:
            raise refusals.pop()
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", refused_twice)
    monkeypatch.setattr(atomic, "_RENAME_PAUSE_S", 0)
    monkeypatch.setattr(atomic, "_refuses_open_files", lambda: True)
    atomic.write(tmp_path / "a", b"data")
    assert (tmp_path / "a").read_bytes() == b"data"


def test_a_rename_that_stays_refused_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(errno.EACCES, "refused")

    monkeypatch.setattr(Path, "replace", refused)
    with pytest.raises(PermissionError, match="refused"):
        atomic.write(tmp_path / "a", b"data")
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fcntl")
def test_on_macos_the_drive_is_flushed_and_fsync_stands_in_where_it_cannot_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    asked: list[str] = []

    def full_flush(descriptor: int, command: int) -> int:
        asked.append(f"full flush {command}")
        if len(asked) > 2:
            raise OSError(errno.ENOTSUP, "not supported")
        return 0

    monkeypatch.setattr(atomic, "_FULL_FLUSH", 51)
    monkeypatch.setattr(fcntl, "fcntl", full_flush)
    monkeypatch.setattr(os, "fsync", lambda descriptor: asked.append("fsync"))
    atomic.write(tmp_path / "a", b"data")
    assert asked == ["full flush 51"] * 2
    atomic.write(tmp_path / "b", b"data")
    assert asked[2:] == ["full flush 51", "fsync"] * 2


def disk_changes(text: str) -> list[str]:
    calls = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Call))
    return [ast.unparse(call) for call in calls if changes_the_disk(call)]


def test_all_changes_of_the_disk_go_through_atomic() -> None:
    """SQLite's own aside; the lock's file has to be opened without being replaced."""
    found = {file.name: disk_changes(file.read_text("utf-8")) for file in Path(atomic.__file__).parent.glob("*.py")}
    assert len(found.pop("atomic.py")) >= 8
    assert {name: calls for name, calls in found.items() if calls} == {
        "lock.py": [
            "os.open(path, os.O_RDWR | os.O_CREAT, 420)",
            "os.truncate(path, 0)",
            "os.write(self._descriptor, f'{os.getpid()}\\n'.encode())",
        ]
    }


@pytest.mark.parametrize(
    "call",
    [
        *("path.mkdir()", "shutil.rmtree(path)", "path.unlink()", "a.rename(b)", "a.replace(b)", "os.replace(a, b)"),
        *("path.open('wb')", "open(path, mode='a')", "path.write_text('')", "os.remove(path)"),
    ],
)
def test_a_change_of_the_disk_is_seen(call: str) -> None:
    assert disk_changes(call)


def test_what_changes_no_disk_is_not_seen() -> None:
    assert not disk_changes("path.open('rb'); Index.open(path); atomic.remove(path); replace(a, b=1)")
    assert not disk_changes("'a'.replace('a', 'b'); names.remove(a); vectors.copy(); draft.write(data)")


def test_what_is_discarded_is_gone_and_what_is_not_there_is_no_error(tmp_path: Path) -> None:
    atomic.make_folders(tmp_path / "a" / "b")
    atomic.write(tmp_path / "a" / "b" / "c", b"data")
    atomic.write(tmp_path / "d", b"data")
    for entry in (tmp_path / "a", tmp_path / "d", tmp_path / "e"):
        atomic.discard(entry)
    assert not list(tmp_path.iterdir())
    with pytest.raises(FileNotFoundError, match=r"No such file|cannot find"):
        atomic.remove(tmp_path / "d")
