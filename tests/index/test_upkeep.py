"""compact, snapshot, restore: something whole takes the place of what is there, or nothing changes."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexBusy, IndexDamaged, IndexMissing, IndexProblem
from rag.index import atomic, checking, dense, folder, lexical_changes, lexical_postings, upkeep
from rag.index.database import Database
from rag.index.index import Index
from tests.index.samples import (
    EMBEDDER,
    database_file,
    dense_file,
    document,
    filled,
    held,
    open_writer,
    put,
    source,
)
from tests.index.test_damage import altered, answers

CANARY = b"machine 30 was checked"


def thinned(path: Path) -> Path:
    """An index of sixty documents of which forty were removed again."""
    filled(path, range(60))
    with open_writer(path) as writer:
        for number in range(10, 50):
            writer.remove_source(source(number).location)
    return path


def files(path: Path) -> dict[str, bytes]:
    """The files of an index, but for the shared memory that SQLite keeps beside an open one, and the lock's."""
    found = (file for file in path.rglob("*") if file.is_file())
    return {
        file.relative_to(path).as_posix(): file.read_bytes()
        for file in found
        if not file.name.endswith(("-shm", "-wal", ".lock"))
    }


def corrupt(path: Path) -> None:
    """Change a document behind the index's back."""
    altered(path, "UPDATE document SET title = 'another' WHERE id = 'd1v0'")


# ---------------------------------------------------------------- compact


def test_compact_leaves_nothing_of_what_was_removed(tmp_path: Path) -> None:
    path = thinned(tmp_path / "index")
    assert any(CANARY in data for data in files(filled(tmp_path / "whole", [30])).values())
    found = answers(path)
    before, after = upkeep.compact(path)
    assert after < before / 2
    assert after == sum(file.stat().st_size for file in database_file(path).parent.iterdir())
    assert not any(CANARY in data for data in files(path).values())
    assert answers(path) == found
    with Index.open(path) as index:
        assert index.commit == 3
        assert index._rows.database.all("SELECT count(*) FROM embedding") == [(index.status().chunks,)]
        assert not any(map(lexical_changes.worn, lexical_postings.segments(index._rows.database)))


def test_a_reader_keeps_its_state_while_the_index_is_compacted_and_then_moves_on(tmp_path: Path) -> None:
    path = thinned(tmp_path / "index")
    with Index.open(path) as reader:
        upkeep.compact(path)
        assert reader.commit == 2
        assert reader.text("d1v0") == document(1).text
        assert reader.refresh()
        assert reader.commit == 3
        assert reader.check() == []


def test_a_compacted_index_is_written_on(tmp_path: Path) -> None:
    path = thinned(tmp_path / "index")
    upkeep.compact(path)
    with open_writer(path) as writer:
        put(writer, 70)
        writer.remove_source(source(1).location)
        assert writer.commit() == 4
    assert len(held(path)) == 20
    assert [entry.name for entry in folder.generations(path)] == ["gen-000002"]


@pytest.mark.parametrize("verb", ["compact", "restore"])
def test_no_rebuild_goes_on_from_a_copy_that_was_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    path = filled(tmp_path / "index")
    upkeep.snapshot(path, tmp_path / "taken")
    with open_writer(path) as writer:
        writer.remove_source(source(1).location)
    with monkeypatch.context() as patched:
        patched.setattr(folder, "publish", full)
        with pytest.raises(IndexProblem, match="full"):
            upkeep.compact(path) if verb == "compact" else upkeep.restore(tmp_path / "taken", path, replace=True)
    assert len(folder.generations(path)) == 2
    with open_writer(path, rebuild=True) as writer:
        assert writer.known() == {}
        put(writer, 7)
    assert held(path) == {"d7v0"}


def test_an_empty_index_can_be_compacted(tmp_path: Path) -> None:
    path = filled(tmp_path / "index", [1])
    with open_writer(path) as writer:
        writer.remove_source(source(1).location)
    upkeep.compact(path)
    assert held(path) == set()
    assert not list(database_file(path).parent.glob("dense-*"))


def test_a_damaged_index_is_not_compacted(tmp_path: Path) -> None:
    path = thinned(tmp_path / "index")
    corrupt(path)
    before = files(path)
    with pytest.raises(IndexDamaged, match=r"Nothing was changed: .*a document .d1v0. does not have its checksum"):
        upkeep.compact(path)
    assert files(path).keys() == before.keys()
    assert folder.generations(path) == [database_file(path).parent]


def test_an_index_that_is_being_written_is_not_compacted(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    with open_writer(path), pytest.raises(IndexBusy, match=f"written by process {os.getpid()}"):
        upkeep.compact(path)
    with pytest.raises(IndexMissing, match="There is no index"):
        upkeep.compact(tmp_path / "other")


def full(*_: object, **__: object) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize(
    ("module", "name"), [(atomic, "write"), (atomic, "place"), (folder, "publish"), (dense, "serialised")]
)
@pytest.mark.parametrize("verb", ["compact", "restore"])
def test_a_disk_that_fills_leaves_the_index_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, verb: str
) -> None:
    path = thinned(tmp_path / "index")
    upkeep.snapshot(path, tmp_path / "snapshot")
    verbs: dict[str, Callable[[], object]] = {
        "compact": lambda: upkeep.compact(path),
        "restore": lambda: upkeep.restore(tmp_path / "snapshot", path, replace=True),
    }
    wanted = held(path)
    with monkeypatch.context() as patched:
        patched.setattr(module, name, full)
        with pytest.raises(IndexProblem, match=r"disk that holds .* is full"):
            verbs[verb]()
    assert held(path) == wanted
    verbs[verb]()
    assert held(path) == wanted
    assert len(folder.generations(path)) == 1


@pytest.mark.parametrize("verb", ["compact", "snapshot", "restore"])
def test_what_was_lost_is_not_made_final(tmp_path: Path, verb: str) -> None:
    path, taken = filled(tmp_path / "index"), tmp_path / "taken"
    upkeep.snapshot(path, taken)
    for each in (path, taken):
        of_document = [f"DELETE FROM {table} WHERE document = 'd1v0'" for table in ("source", "document_text", "chunk")]
        altered(each, "PRAGMA foreign_keys = off", *of_document, "DELETE FROM document WHERE id = 'd1v0'")
    verbs: dict[str, Callable[[], object]] = {
        "compact": lambda: upkeep.compact(path),
        "snapshot": lambda: upkeep.snapshot(path, tmp_path / "again"),
        "restore": lambda: upkeep.restore(taken, path, replace=True),
    }
    with pytest.raises(IndexDamaged, match=r"Nothing was changed: .* is damaged: it has "):
        verbs[verb]()
    assert folder.generations(path) == [path / "gen-000001"]


def test_a_compaction_that_fails_keeps_what_is_kept_for_files_that_may_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = thinned(tmp_path / "index")
    kept = "SELECT count(*) FROM embedding WHERE released IS NOT NULL"
    with monkeypatch.context() as patched:
        patched.setattr(Database, "compact", full)
        with pytest.raises(IndexProblem, match="full"):
            upkeep.compact(path)
    with Index.open(path) as index:
        assert index._rows.database.all(kept)[0][0] > 0


def test_what_cannot_be_swept_is_said_after_the_switch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = thinned(tmp_path / "index")
    with monkeypatch.context() as patched:
        patched.setattr(folder, "sweep", full)
        with pytest.raises(IndexProblem, match=r"is what it should be now, but what it replaced could not be removed"):
            upkeep.compact(path)
    assert database_file(path).parent.name == "gen-000002"
    with open_writer(path):
        pass
    assert folder.generations(path) == [path / "gen-000002"]


# ---------------------------------------------------------------- snapshot


def test_a_snapshot_is_an_index_of_one_commit(tmp_path: Path) -> None:
    path, taken = filled(tmp_path / "index"), tmp_path / "shelf" / "monday"
    with open_writer(path) as writer:
        put(writer, 7)
        assert upkeep.snapshot(path, taken) == 1
    assert held(taken) == {f"d{number}v0" for number in range(5)}
    assert upkeep.snapshot(path, tmp_path / "tuesday") == 2
    assert answers(tmp_path / "tuesday") == answers(path)
    assert sorted(entry.name for entry in taken.parent.iterdir()) == ["monday"]


def test_a_snapshot_is_that_of_its_first_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, copy = filled(tmp_path / "index"), Index.copy

    def late(self: Index, generation: Path) -> bool:
        with open_writer(path) as writer:
            put(writer, 7)
        return copy(self, generation)

    monkeypatch.setattr(Index, "copy", late)
    assert upkeep.snapshot(path, tmp_path / "taken") == 1
    assert "d7v0" not in held(tmp_path / "taken")


def test_a_snapshot_does_not_overwrite(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    (tmp_path / "taken").mkdir()
    with pytest.raises(IndexProblem, match=r"taken is there already; nothing was written.* rag snapshot FOLDER"):
        upkeep.snapshot(path, tmp_path / "taken")


@pytest.mark.parametrize("place", ["gen-000009", "gen-000001/backup", "backup"])
def test_a_snapshot_does_not_lie_in_an_index(tmp_path: Path, place: str) -> None:
    path = filled(tmp_path / "index")
    with pytest.raises(IndexProblem, match=r"lies in the index .*index, .* nothing was written.* rag snapshot FOLDER"):
        upkeep.snapshot(path, path / place)
    upkeep.snapshot(path, tmp_path / "taken")
    with pytest.raises(IndexProblem, match=r"lies in the index .*taken"):
        upkeep.snapshot(path, tmp_path / "taken" / "x" / "y")


def test_a_snapshot_leaves_what_is_beside_it_alone(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    (tmp_path / ".taken.tmp").mkdir()
    (tmp_path / ".taken.tmp" / "precious").write_bytes(b"not ours")
    upkeep.snapshot(path, tmp_path / "taken")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".taken.tmp", "index", "taken"]
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(IndexProblem, match=r"cannot be used: .*Name another place"):
        upkeep.snapshot(path, tmp_path / "file" / "taken")


def test_a_snapshot_has_a_derived_file_though_that_of_the_index_is_damaged(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    dense_file(path).write_bytes(b"nothing like it")
    upkeep.snapshot(path, tmp_path / "taken")
    assert held(tmp_path / "taken") == {f"d{number}v0" for number in range(5)}
    dense_file(path).unlink()
    upkeep.snapshot(path, tmp_path / "again")
    assert len(held(tmp_path / "again")) == 5


def test_no_snapshot_is_taken_of_damage(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    corrupt(path)
    with pytest.raises(IndexDamaged, match=r"Nothing was changed: .*gen-000001/index.sqlite is damaged: a doc"):
        upkeep.snapshot(path, tmp_path / "taken")
    assert [entry.name for entry in tmp_path.iterdir()] == ["index"]


# ---------------------------------------------------------------- restore


def test_a_snapshot_is_restored_where_there_is_no_index(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    upkeep.snapshot(path, tmp_path / "taken")
    assert upkeep.restore(tmp_path / "taken", tmp_path / "new") == 2
    assert answers(tmp_path / "new") == answers(path)
    with open_writer(tmp_path / "new") as writer:
        put(writer, 9)
    assert len(held(tmp_path / "new")) == 6


def test_an_index_is_replaced_by_a_snapshot_only_when_that_is_said(tmp_path: Path) -> None:
    path, taken = filled(tmp_path / "index"), tmp_path / "taken"
    upkeep.snapshot(path, taken)
    with open_writer(path) as writer:
        writer.remove_source(source(1).location)
        writer.commit()
        put(writer, 8)
    with pytest.raises(IndexProblem, match=r"There is an index at .*; nothing was changed.* --index .* --replace"):
        upkeep.restore(taken, path)
    with Index.open(path) as reader:
        assert reader.commit == 3
        assert upkeep.restore(taken, path, replace=True) == 4
        assert reader.refresh()
        assert reader.commit == 4
    assert held(path) == held(taken)
    assert not (path / "quarantine").exists()


def test_a_damaged_index_that_is_restored_goes_to_quarantine(tmp_path: Path) -> None:
    path, taken = filled(tmp_path / "index"), tmp_path / "taken"
    upkeep.snapshot(path, taken)
    corrupt(path)
    damaged = database_file(path).read_bytes()
    upkeep.restore(taken, path, replace=True)
    assert held(path) == held(taken)
    assert (path / "quarantine" / "gen-000001" / "index.sqlite").read_bytes() == damaged
    (path / "CURRENT").write_bytes(b"nothing")
    upkeep.restore(taken, path, replace=True)
    assert held(path) == held(taken)
    assert sorted(entry.name for entry in (path / "quarantine").iterdir()) == ["gen-000001", "gen-000002"]


def test_an_index_that_has_only_lost_its_current_is_not_taken_for_none(tmp_path: Path) -> None:
    path, taken = filled(tmp_path / "index"), tmp_path / "taken"
    upkeep.snapshot(path, taken)
    (path / "CURRENT").unlink()
    says = r"CURRENT is missing, and gen-000001 holds commit 1 .* echo gen-000001 > .*CURRENT"
    for verb in (Index.open, open_writer, lambda at: upkeep.restore(taken, at, replace=True)):
        with pytest.raises(IndexDamaged, match=says):
            verb(path)
    (path / "CURRENT").write_text("gen-000001\n")
    assert held(path) == held(taken)


def test_a_place_that_cannot_be_looked_at_is_a_sentence(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    long = tmp_path / ("x" * 300) / "taken"  # a folder that may not be looked into fails in the same way
    with pytest.raises(IndexProblem, match=r"cannot be used: File name too long\. Name another place\."):
        upkeep.snapshot(path, long)


def test_what_is_no_snapshot_is_not_restored_and_none_is_made(tmp_path: Path) -> None:
    path = filled(tmp_path / "index")
    with pytest.raises(IndexMissing, match=r"There is no snapshot at .*taken; nothing was changed\."):
        upkeep.restore(tmp_path / "taken", path, replace=True)
    assert len(held(path)) == 5


def test_a_damaged_snapshot_is_not_restored(tmp_path: Path) -> None:
    path, taken = filled(tmp_path / "index"), tmp_path / "taken"
    upkeep.snapshot(path, taken)
    corrupt(taken)
    with pytest.raises(IndexDamaged, match="Nothing was changed"):
        upkeep.restore(taken, path, replace=True)
    assert len(held(path)) == 5


def test_what_a_kill_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = filled(tmp_path / "index")
    (path / ".gen-000002.tmp").mkdir()
    (path / ".gen-000002.tmp" / "index.sqlite").write_bytes(b"half")
    (path / ".notes.tmp").write_bytes(b"not ours")
    (path / "mine.faiss").write_bytes(b"not ours")
    upkeep.compact(path)
    names = sorted(entry.name for entry in path.iterdir())
    assert names == [".notes.tmp", "CURRENT", "gen-000002", "mine.faiss", "writer.lock"]


def test_what_has_problems_never_takes_the_place_of_what_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = filled(tmp_path / "index")
    vector = EMBEDDER.embed_query("pump").vectors[0]
    monkeypatch.setattr(checking, "check", lambda *_: ["something is wrong"])
    with pytest.raises(IndexDamaged, match="Nothing was changed: something is wrong"):
        upkeep.compact(path)
    with Index.open(path) as index:
        assert len(index.search_dense(vector, 5)[0]) == 5


def test_a_snapshot_of_an_index_without_documents_is_one_too(tmp_path: Path) -> None:
    path = filled(tmp_path / "index", [])
    assert upkeep.snapshot(path, tmp_path / "taken") == 0
    assert held(tmp_path / "taken") == set()
