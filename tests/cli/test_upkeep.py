"""check, compact, snapshot, restore and migrate through typer's runner."""

from __future__ import annotations

import json
import re
import shlex
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from rag.index import dense_build
from tests.cli.conftest import ROPE
from tests.index.samples import database_file

Run = Callable[..., Result]


def as_json(result: Result) -> Any:
    return json.loads(result.stdout)


def test_check_finds_a_sound_index_sound(indexed: Run) -> None:
    assert indexed("check").stdout == "sound\n"
    assert as_json(indexed("check", "--json")) == {"index": "indexes/default", "sound": True, "problems": []}


def test_check_exits_with_one_where_a_byte_was_flipped(indexed: Run, folder: Path) -> None:
    database = next((folder / "indexes").rglob("*.sqlite"))
    data = bytearray(database.read_bytes())
    place = data.index(ROPE.encode())
    data[place] ^= 1
    database.write_bytes(data)
    assert as_json(indexed("check", "--json", code=1))["sound"] is False


def test_check_says_so_where_the_index_does_not_even_open(indexed: Run, folder: Path) -> None:
    next((folder / "indexes").rglob("*.sqlite")).write_bytes(b"nothing of the kind")
    assert as_json(indexed("check", "--json", code=1))["problems"]


def test_what_was_removed_is_gone_from_the_files_after_compact(indexed: Run, folder: Path) -> None:
    indexed("rm", "docs/ferry.md")
    assert re.fullmatch(r".+ before, .+ now\n", indexed("compact").stdout)
    sizes = as_json(indexed("compact", "--json"))["bytes"]
    assert 0 < sizes["after"] <= sizes["before"]
    assert indexed("check", "--deep").stdout == "sound\n"


def test_a_snapshot_is_taken_and_restored(indexed: Run, folder: Path) -> None:
    before = as_json(indexed("ls", "--json"))
    assert indexed("snapshot", "backup/monday").stdout == "commit 1 of indexes/default is in backup/monday\n"
    assert "is there already" in indexed("snapshot", "backup/monday", code=1).stderr
    assert as_json(indexed("status", "--index", "backup/monday", "--json"))["commit"] == 1
    indexed("rm", "docs")
    assert "--replace" in indexed("restore", "backup/monday", code=1).stderr
    found = as_json(indexed("restore", "backup/monday", "--replace", "--json"))
    assert found == {"index": "indexes/default", "commit": 3, "snapshot": "backup/monday"}
    assert as_json(indexed("ls", "--json")) == before
    assert "other holds what backup/monday holds" in indexed("restore", "backup/monday", "--index", "other").stdout
    taken = as_json(indexed("snapshot", "backup/tuesday", "--json"))
    assert taken == {"index": "indexes/default", "commit": 3, "snapshot": "backup/tuesday"}


def told(result: Result) -> list[str]:
    """The command that an error ends with, as its arguments."""
    return shlex.split(result.stderr.rpartition(": rag ")[2])


def test_the_command_that_an_error_ends_with_is_about_the_index_that_was_meant(rag: Run, folder: Path) -> None:
    other = ("--index", "an other")
    rag("ingest", "docs", *other)
    assert told(rag("ingest", "docs", "--chunk-tokens", "100", *other, code=1))[1:2] == ["--rebuild"]
    rag(*told(rag("ingest", "docs", "--chunk-tokens", "100", *other, code=1)))
    assert as_json(rag("status", *other, "--json"))["chunking"]["chunk_tokens"] == 100

    database_file(folder / "an other").write_bytes(b"not a database" * 999)
    rag(*("docs" if each == "FOLDER" else each for each in told(rag("search", "rope", *other, code=1))))
    assert ROPE in rag("search", "rope", *other).stdout
    assert not (folder / "indexes" / "default").exists()


def test_an_index_of_an_earlier_format_is_migrated(rag: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    golden = Path(__file__).parent.parent / "index" / "golden" / "format-2.zip"
    with zipfile.ZipFile(golden) as packed:
        packed.extractall(folder / "indexes" / "default")
    assert told(rag("status", code=1)) == ["migrate", "--index", str(folder / "indexes" / "default")]
    monkeypatch.setattr(dense_build, "CODES_LEAST", 2)
    (folder / "rag.toml").write_text("dense = 'ivf'", encoding="utf-8")
    assert rag("migrate").stdout == "indexes/default has format 4 now, 2 before\n"
    assert as_json(rag("status", "--json"))["dense"] == "ivf"
    assert rag("migrate").stdout == "indexes/default has format 4 already\n"
    assert as_json(rag("migrate", "--json")) == {"index": "indexes/default", "format": {"before": 4, "after": 4}}
    assert rag("check", "--deep").stdout == "sound\n"
