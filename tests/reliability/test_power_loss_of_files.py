"""What rag itself writes survives a power loss, heard within this process: also where strace is not.

The database is not heard, so an index cannot be opened: CURRENT names a generation that is there, and its derived
file is whole. Windows cannot sync a folder, so that a name may be lost there (`rag.index.atomic`).
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from rag.index import database, dense, folder
from tests.reliability import cutting
from tests.reliability import power_workload as workload
from tests.reliability.disk import Disk
from tests.reliability.listening import Listener
from tests.reliability.recording import Operation, Said, Sync

SEEDS = 4
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot sync a folder")


@pytest.fixture(scope="module")
def heard(tmp_path_factory: pytest.TempPathFactory) -> list[Operation]:
    base = tmp_path_factory.mktemp("heard").resolve()
    with pytest.MonkeyPatch.context() as patches:
        patches.setattr(dense, "tail_limit", dense.tail_limit)
        patches.setattr(database, "_WRITER_SETTINGS", database._WRITER_SETTINGS)
        workload.make_small()
        listener = Listener(base, patches)

        def say(word: str, documents: Iterable[str]) -> None:
            listener.say(f"{word} {json.dumps(sorted(documents))}")

        patches.setattr(workload, "say", say)
        for step in workload.STEPS:
            step(base / cutting.INDEX)
    return listener.operations


def broken(operations: Sequence[Operation], scratch: Path) -> Iterator[str]:
    """What is wrong after power losses shortly before each sync and each word."""
    disk, acknowledged, done = Disk(), False, 0
    for moment in cutting.moments(operations, all_of_them=False):
        for operation in operations[done:moment]:
            disk.apply(operation)
            acknowledged = acknowledged or (isinstance(operation, Said) and operation.line.startswith('done ["'))
        done = moment
        for seed in range(SEEDS):
            disk.lose_power(scratch / "found", f"{moment} {seed}")
            wrong = what_is_wrong(scratch / "found" / cutting.INDEX, acknowledged)
            shutil.rmtree(scratch / "found")
            if wrong:
                yield f"cut at {moment} with seed {seed}: {wrong}"


def what_is_wrong(path: Path, acknowledged: bool) -> str:
    """In a sentence; "" where all is well."""
    if not folder.exists(path):
        return "CURRENT is gone" if acknowledged else ""
    name = (path / folder.CURRENT).read_bytes()
    if not name.startswith(b"gen-") or not (path / name.decode().strip()).is_dir():
        return f"CURRENT names {name!r}, which is not there"
    derived = list((path / name.decode().strip()).glob("dense-*.faiss"))
    if acknowledged and not derived:
        return "the derived file is gone"
    whole = (hashlib.sha256(file.read_bytes()).hexdigest().startswith(file.stem[6:]) for file in derived)
    return "" if all(whole) else "a derived file is not what was written"


def test_what_rag_writes_survives_a_power_loss(heard: list[Operation], tmp_path: Path) -> None:
    assert list(broken(heard, tmp_path)) == []


def test_a_sync_that_is_left_out_is_noticed(heard: list[Operation], tmp_path: Path) -> None:
    places = {did.place for did in heard if isinstance(did, Sync)}
    needed = {place for place in places if not place.startswith("folder.sweep")}  # that one guards the database only
    assert len(needed) >= 4
    for place in sorted(needed):
        kept = [did for did in heard if not (isinstance(did, Sync) and did.place == place)]
        assert any(broken(kept, tmp_path)), place
