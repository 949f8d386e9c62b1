"""The power is cut at any moment: what was acknowledged is there, and nothing that was never committed.

A program that writes an index in every way is recorded (`recording`, `power_workload`), the disk keeps what was synced
and anything of the rest (`disk`), and what is found is opened, checked, written on and rebuilt (`cutting`). Each line
that syncs or renames is then taken away: that must break a promise, or the line is not needed, or this test too weak.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest

from rag.index import atomic, database
from tests.reliability import cutting
from tests.reliability.disk import Disk, File, Node
from tests.reliability.power_workload import WRAPPERS
from tests.reliability.recording import ROOT, MakeFolder, Open, Operation, Rename, Sync, record, refusal

PROGRAM = "tests.reliability.power_workload"
OF_SQLITE = {"index.sqlite": "its database", "index.sqlite-wal": "its log", "gen-00000N": "the folder of its log"}
"""What SQLite syncs; its rollback journal is there only while a database is made that nobody reads yet."""
NEAR = 20


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the program wrote into."""
    if reason := refusal():
        pytest.skip(reason)
    return tmp_path_factory.mktemp("recorded")


@pytest.fixture(scope="module")
def recorded(base: Path) -> list[Operation]:
    return record(base, PROGRAM, str(base / cutting.INDEX))


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What looks at the remains need not survive itself."""
    monkeypatch.setattr(atomic, "_flush", lambda _descriptor: None)
    lazy = tuple(setting for setting in database._WRITER_SETTINGS if setting != "synchronous = full")
    monkeypatch.setattr(database, "_WRITER_SETTINGS", ("synchronous = off", *lazy))


def lines_that_sync_or_rename() -> set[str]:
    """The lines of `rag.index`, as `place_of` names them, outside of the functions that only wrap a call."""
    found = set()
    for file in (ROOT / "rag" / "index").glob("*.py"):
        text = file.read_text("utf-8")
        for function in ast.walk(ast.parse(text)):
            if isinstance(function, ast.FunctionDef) and function.name not in WRAPPERS:
                for call in ast.walk(function):
                    if isinstance(call, ast.Call) and _called(call) in {*WRAPPERS, "fsync", "fdatasync", "rename"}:
                        line = text.splitlines()[call.lineno - 1].strip()
                        found.add(f"{file.stem}.{function.name}: {line}")
    return found


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def places(operations: Sequence[Operation]) -> dict[int, str]:
    """Who asked for each sync: a line of `rag`, or SQLite for one of its files."""
    names = {did.handle: did.path.name for did in operations if isinstance(did, Open)}
    found = {}
    for number, did in enumerate(operations):
        if isinstance(did, Sync):
            name = "gen-00000N" if names[did.handle].startswith("gen-") else names[did.handle]
            found[number] = did.place or OF_SQLITE.get(name, name)
    return found


def first_violation(operations: Sequence[Operation], gone: str, seeds: int, scratch: Path) -> str:
    """What breaks first when the syncs of that place do nothing, looking shortly after each; "" where nothing does."""
    place = places(operations)
    moments = cutting.moments(operations, all_of_them=False)
    near: set[int] = set()
    for number in (number for number, name in place.items() if name == gone):
        near.update(islice((moment for moment in moments if moment > number), NEAR))
    kept = [did for number, did in enumerate(operations) if place.get(number) != gone]
    moved = sorted(moment - sum(name == gone and number < moment for number, name in place.items()) for moment in near)
    for seed in range(seeds):
        for violation in cutting.violations(kept, ((moment, str(seed)) for moment in moved), scratch):
            return violation
    return ""


def test_the_model_of_the_disk_holds_what_the_disk_holds(base: Path, recorded: list[Operation]) -> None:
    disk = Disk()
    for operation in recorded:
        disk.apply(operation)
    assert_same(disk.root, base)


def assert_same(node: Node, path: Path) -> None:
    if path.name.endswith("-shm"):  # memory that happens to have a name
        return
    if isinstance(node, File):
        assert bytes(node.now) == path.read_bytes(), path
        return
    assert set(node.now) == {entry.name for entry in path.iterdir()}, path
    for name, entry in node.now.items():
        assert_same(entry, path / name)


def test_every_line_that_syncs_or_renames_is_recorded(recorded: list[Operation]) -> None:
    said = {place for place in places(recorded).values() if ": " in place}
    renamed = {did.place for did in recorded if isinstance(did, Rename)}
    assert said | renamed == lines_that_sync_or_rename()


def test_nothing_is_left_behind_that_no_commit_names(recorded: list[Operation]) -> None:
    assert cutting.left_behind(recorded) == []


def test_what_was_acknowledged_survives_a_power_loss(recorded: list[Operation], tmp_path: Path) -> None:
    moments = cutting.moments(recorded, all_of_them=False)
    cuts = [(moment, str(seed)) for moment in moments for seed in range(3)]
    assert len(cuts) > 300
    assert list(cutting.violations(recorded, cuts, tmp_path)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_survives_a_power_loss_at_any_moment(
    recorded: list[Operation], tmp_path: Path, seed: int
) -> None:
    cuts = [(moment, f"any {seed}") for moment in cutting.moments(recorded, all_of_them=True)]
    assert list(cutting.violations(recorded, cuts, tmp_path)) == []


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_what_was_acknowledged_survives_in_many_ways(recorded: list[Operation], tmp_path: Path, seed: int) -> None:
    moments = cutting.moments(recorded, all_of_them=False)
    cuts = [(moment, f"many {seed} {number}") for moment in moments for number in range(10)]
    assert list(cutting.violations(recorded, cuts, tmp_path)) == []


def test_every_sync_is_needed(recorded: list[Operation], tmp_path: Path) -> None:
    wanted = set(OF_SQLITE.values()) | {place for place in places(recorded).values() if ": " in place}
    unneeded = {place for place in wanted if not first_violation(recorded, place, 40, tmp_path)}
    assert unneeded == set()


@pytest.mark.parametrize(
    "without",
    [
        "synchronous = normal",
        pytest.param("synchronous = off", marks=pytest.mark.slow),
    ],
)
def test_sqlite_must_sync_at_each_commit(tmp_path: Path, without: str) -> None:
    assert any(violations_without(without, tmp_path)), f"with {without} nothing is lost"


@pytest.mark.slow
def test_every_rename_is_needed(recorded: list[Operation], tmp_path: Path) -> None:
    renames = {did.place for did in recorded if isinstance(did, Rename)}
    assert len(renames) >= 2
    for number, place in enumerate(sorted(renames)):
        scratch = tmp_path / str(number)
        scratch.mkdir()
        assert any(violations_without(place, scratch)), place


def violations_without(without: str, scratch: Path) -> list[str]:
    """What is wrong when the program runs without a line, or with another setting of SQLite."""
    if reason := refusal():
        pytest.skip(reason)
    base = scratch / "recorded"
    base.mkdir()
    operations = record(base, PROGRAM, str(base / cutting.INDEX), without, may_fail=True)
    assert any(isinstance(did, MakeFolder) for did in operations)
    cuts = ((moment, "without") for moment in cutting.moments(operations, all_of_them=False))
    return [*cutting.left_behind(operations), *islice(cutting.violations(operations, cuts, scratch), 1)]
