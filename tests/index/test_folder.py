from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from rag.errors import IndexDamaged, IndexProblem
from rag.index import atomic, folder
from rag.index.index import Index
from tests.index.samples import database_file, filled, held, open_writer, put


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*")
    (tmp_path / "notes.md").write_text("mine")
    with pytest.raises(IndexProblem, match=r"is not an index and holds other files, such as notes.md"):
        open_writer(tmp_path)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".gitignore", "notes.md"]
    (tmp_path / "notes.md").unlink()
    filled(tmp_path, [1])
    assert (tmp_path / ".gitignore").read_text() == "*"


def test_the_names_of_new_folders_are_durable_until_there_is_an_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(atomic, "sync_folder", synced.append)
    folder.claim(tmp_path / "a" / "b")
    assert set(synced) == {tmp_path / "a", tmp_path}
    synced.clear()
    folder.claim(tmp_path / "a" / "b")  # which a killed writer may have made a moment ago
    assert synced == [tmp_path / "a"]
    (tmp_path / "a" / "b" / "CURRENT").touch()
    synced.clear()
    folder.claim(tmp_path / "a" / "b")
    assert synced == []


def test_an_index_is_made_in_a_folder_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_folder: Path) -> None:
        raise PermissionError(errno.EACCES, "refused")

    monkeypatch.setattr(atomic, "sync_folder", refused)
    folder.claim(tmp_path / "index")
    assert (tmp_path / "index").is_dir()


def test_a_file_at_the_place_of_the_folder_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("mine")
    with pytest.raises(IndexProblem, match="File exists"):
        open_writer(tmp_path / "index")


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    path = filled(tmp_path, [1])
    generation = database_file(path).parent
    leftovers = [path / ".CURRENT.1.tmp", generation / ".dense.9.tmp", generation / "dense-0000.faiss"]
    for file in leftovers:
        file.write_bytes(b"half")
    (path / "gen-000007").mkdir()
    (path / ".gen-000006.tmp" / "deep").mkdir(parents=True)
    with open_writer(path) as writer:
        put(writer, 2)
    assert sorted(entry.name for entry in path.iterdir()) == ["CURRENT", "gen-000001", "writer.lock"]
    assert not any(file.exists() for file in leftovers)
    assert held(path) == {"d1v0", "d2v0"}


def test_a_first_writer_that_was_killed_leaves_no_index(tmp_path: Path) -> None:
    open_writer(tmp_path / "whole").close()
    shutil.copytree(tmp_path / "whole" / "gen-000001", tmp_path / "half" / "gen-000001")
    with open_writer(tmp_path / "half") as writer:
        assert writer.known() == {}
        put(writer, 5)
    assert sorted(entry.name for entry in (tmp_path / "half").iterdir()) == ["CURRENT", "gen-000002", "writer.lock"]


@pytest.mark.parametrize("content", [b"", b"../../etc\n", b"gen-1\n", b"\xff\xfe", b"gen-000001\nmore"])
def test_a_damaged_pointer_is_damage_and_a_rebuild_mends_it(tmp_path: Path, content: bytes) -> None:
    path = filled(tmp_path, [1])
    (path / "CURRENT").write_bytes(content)
    for opened in (Index.open, open_writer):
        with pytest.raises(IndexDamaged, match=r"CURRENT is damaged.*rag ingest FOLDER --rebuild --index"):
            opened(path)
    with open_writer(path, rebuild=True) as writer:
        put(writer, 1)
    assert held(path) == {"d1v0"}


def test_what_cannot_be_removed_is_left_for_the_next_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])
    (path / ".CURRENT.7.tmp").write_bytes(b"")
    (path / "gen-000009").mkdir()

    def refused(*_: object) -> None:
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", refused)
        patched.setattr(Path, "rename", refused)
        folder.sweep(path, keep=path / "gen-000001", derived="")
    assert (path / ".CURRENT.7.tmp").exists()
    assert (path / "gen-000009").exists()
    with open_writer(path):
        pass
    assert not (path / ".CURRENT.7.tmp").exists()
    assert not (path / "gen-000009").exists()


def test_a_pointer_that_cannot_be_read_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path, [1])

    def failing(*_: object, **__: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(Path, "read_bytes", failing)
    for opened in (Index.open, open_writer):
        with pytest.raises(IndexProblem, match=r"CURRENT cannot be read: .* Check the disk"):
            opened(path)
    monkeypatch.undo()
    monkeypatch.setattr(Path, "read_text", failing)
    with pytest.raises(IndexProblem, match="Check the disk"):
        open_writer(path, rebuild=True)
