"""The model of a disk allows what POSIX allows, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from tests.reliability.disk import SECTOR, Disk
from tests.reliability.recording import MakeFolder, Open, Operation, Remove, Rename, Resize, Sync, Write

SEEDS = range(300)
FILE, FOLDER, OLD, NEW = 1, 2, b"o" * 2 * SECTOR, b"n" * 2 * SECTOR
MADE = (
    Open(FOLDER, PurePosixPath(), create=False, empty=False),
    Open(FILE, PurePosixPath("a"), create=True, empty=False),
    Write(FILE, 0, OLD),
    Sync(FILE, ""),
    Sync(FOLDER, ""),
)


def left(tmp_path: Path, operations: Iterable[Operation]) -> set[tuple[tuple[str, bytes], ...]]:
    """All that may be found: names and data."""
    disk, found = Disk(), set()
    for operation in operations:
        disk.apply(operation)
    for seed in SEEDS:
        target = tmp_path / str(seed)
        disk.lose_power(target, str(seed))
        files = sorted(entry for entry in target.rglob("*") if entry.is_file())
        found.add(tuple((file.relative_to(target).as_posix(), file.read_bytes()) for file in files))
    return found


def test_what_was_synced_is_there(tmp_path: Path) -> None:
    assert left(tmp_path, MADE) == {(("a", OLD),)}


def test_a_new_file_without_a_sync_of_its_folder_may_be_gone_or_empty(tmp_path: Path) -> None:
    found = left(tmp_path, MADE[:3])
    assert {(), (("a", b""),), (("a", OLD),)} <= found
    (tmp_path / "synced").mkdir()
    assert {(), (("a", OLD),)} == left(tmp_path / "synced", MADE[:4])


def test_an_overwritten_file_is_old_new_or_torn_at_sectors_and_bytes(tmp_path: Path) -> None:
    contents = {data for ((_, data),) in left(tmp_path, (*MADE, Write(FILE, 0, NEW)))}
    assert {OLD, NEW, NEW[:SECTOR] + OLD[SECTOR:], OLD[:SECTOR] + NEW[SECTOR:]} <= contents
    assert all(len(data) == len(OLD) and set(data) <= set(b"on") for data in contents)


def test_a_later_write_to_the_same_place_stays_the_later_one(tmp_path: Path) -> None:
    twice = (*MADE, Write(FILE, 0, b"1"), Write(FILE, 0, b"2"))
    assert {data[:1] for ((_, data),) in left(tmp_path, twice)} == {b"o", b"1", b"2"}
    (tmp_path / "synced").mkdir()
    assert {data[:1] for ((_, data),) in left(tmp_path / "synced", (*twice, Sync(FILE, "")))} == {b"2"}


def test_a_file_that_grows_may_hold_anything_where_nothing_was_written(tmp_path: Path) -> None:
    contents = {data for ((_, data),) in left(tmp_path, (*MADE, Write(FILE, len(OLD), b"x" * 10)))}
    assert {OLD, OLD + b"x" * 10, OLD + bytes(10)} <= contents
    assert all(data.startswith(OLD) for data in contents)
    assert any(set(data[len(OLD) :]) - {0, ord("x")} for data in contents)


def test_a_rename_is_one_step_that_may_come_before_the_data(tmp_path: Path) -> None:
    steps = (
        Open(3, PurePosixPath("t"), create=True, empty=True),
        Write(3, 0, NEW),
        Rename(PurePosixPath("t"), PurePosixPath("a"), ""),
    )
    found = left(tmp_path, (*MADE, *steps))
    assert {(("a", OLD),), (("a", b""),), (("a", NEW),)} <= found
    assert all("a" in dict(files) for files in found)


def test_what_is_in_a_folder_goes_with_its_name(tmp_path: Path) -> None:
    below = (
        MakeFolder(PurePosixPath("d")),
        Open(4, PurePosixPath("d/b"), create=True, empty=False),
        Write(4, 0, NEW),
        Sync(4, ""),
        Open(5, PurePosixPath("d"), create=False, empty=False),
        Sync(5, ""),
    )
    assert left(tmp_path, (*MADE, *below)) == {(("a", OLD),), (("a", OLD), ("d/b", NEW))}


def test_removals_and_cuts_may_be_forgotten(tmp_path: Path) -> None:
    assert left(tmp_path, (*MADE, Remove(PurePosixPath("a")))) == {(), (("a", OLD),)}
    (tmp_path / "cut").mkdir()
    contents = {data for ((_, data),) in left(tmp_path / "cut", (*MADE, Resize(FILE, 3)))}
    assert {OLD, OLD[:3]} <= contents
