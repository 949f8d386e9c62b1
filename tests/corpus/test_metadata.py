"""What is known of a document beside its text: read from where it stands, and refused where it cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.metadata import (
    MOST_BYTES,
    MetadataProblem,
    described_by,
    front_matter,
    given_metadata,
    read_sidecar,
    sidecar_of,
)
from rag.corpus.readers.plain import MARKDOWN
from rag.datatypes import Document
from rag.errors import SettingsError


def test_front_matter_is_read_as_texts() -> None:
    text = (
        "---\ntitle: Pump\nVersion: 1.10\nDate: 2024-05-31\nfinal: yes\ntags: [a, b, [c]]\nMore Info: x\n"
        "deep: {a: 1}\nnone:\n---\n"
    )
    assert front_matter(text) == (
        *(("title", "Pump"), ("version", "1.10"), ("date", "2024-05-31"), ("final", "yes")),
        *(("tags", "a"), ("tags", "b"), ("more_info", "x")),
    )
    toml = '+++\ntitle = "Pump"\ndate = 2024-05-31\nfinal = true\ncount = 3\n+++\n'
    assert front_matter(toml) == (("title", "Pump"), ("date", "2024-05-31"), ("final", "true"), ("count", "3"))


@pytest.mark.parametrize(
    "text",
    [
        "---\na: [\n---\n",
        "---\n- a\n---\n",
        "+++\na\n+++\n",
        "---\n" + "a: " + "[" * 5000 + "\n---\n",
        "---\na: " + "x" * MOST_BYTES + "\n---\n",
        "---\na: &a [b]\nc: *d\n---\n",
        "+++\na = 0x" + "f" * 5000 + "\n+++\n",
    ],
)
def test_a_malformed_front_matter_says_nothing(text: str) -> None:
    assert front_matter(text) == ()


def test_front_matter_that_is_no_yaml_says_what_stands_in_lines_of_its_own() -> None:
    text = (
        '---\ntitle: Report: the year 2024\nauthor: "Ann: B."\ntags: [a\n\tdeep: x\ndate: 2024-05-31 \nby: @ann\n---\n'
    )
    assert front_matter(text) == (
        *(("title", "Report: the year 2024"), ("author", "Ann: B.")),
        *(("date", "2024-05-31"), ("by", "@ann")),
    )


def test_front_matter_may_have_line_ends_of_windows() -> None:
    for mark, sign in (("---", ": "), ("+++", " = ")):
        text = f"{mark}\r\na{sign}'x'\r\nb{sign}'y'\r\n{mark}\r\n"
        assert front_matter(text) == (("a", "x"), ("b", "y"))


def test_a_name_with_no_room_for_a_suffix_has_no_sidecar(tmp_path: Path) -> None:
    assert sidecar_of(tmp_path / f"{'甲' * 83}.md") is None


@given(st.text(max_size=80))
def test_any_front_matter_is_read_or_passed_over(text: str) -> None:
    for mark in ("---", "+++"):
        for key, value in front_matter(f"{mark}\n{text}\n{mark}\n"):
            assert key
            assert value == " ".join(value.split()) != ""


def test_a_markdown_document_carries_its_front_matter() -> None:
    found = MARKDOWN.read(b"---\ntitle: Pump\nauthor: Ada\n---\n# Start\n", "a.md")
    assert isinstance(found, Document)
    assert found.metadata == (("title", "Pump"), ("author", "Ada"))
    plain = MARKDOWN.read(b"# Start\n\n---\na: b\n---\n", "a.md")
    assert isinstance(plain, Document)
    assert plain.metadata == ()


@pytest.mark.parametrize(
    ("suffix", "text"),
    [
        (".meta.toml", 'author = "Ada"\nyear = 1843\n'),
        (".meta.yaml", "author: Ada\nyear: 1843\n"),
        (".meta.yml", "author: Ada\nyear: 1843\n"),
        (".meta.json", '\ufeff{"author": "Ada", "year": 1843, "none": null}'),
    ],
)
def test_a_sidecar_stands_beside_its_file_under_its_name(tmp_path: Path, suffix: str, text: str) -> None:
    file = tmp_path / "report.pdf"
    assert sidecar_of(file) is None
    beside = tmp_path / f"report.pdf{suffix}"
    beside.write_text(text)
    assert sidecar_of(file) == beside
    assert described_by(beside.name) == "report.pdf"
    assert read_sidecar(beside) == (("author", "Ada"), ("year", "1843"))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"{", "Expecting property name"),
        (b"[1]", "it does not give values to keys"),
        (b"\xff\xfe", "it is not UTF-8"),
        (b" " * (MOST_BYTES + 1), "it is longer than 64 KiB"),
        (b'{"a": ' + b"[" * 30_000, "it is nested too deeply|Expecting value"),
    ],
)
def test_a_sidecar_that_cannot_be_read_says_why(tmp_path: Path, data: bytes, why: str) -> None:
    beside = tmp_path / "a.txt.meta.json"
    beside.write_bytes(data)
    with pytest.raises(MetadataProblem, match=why):
        read_sidecar(beside)


def test_a_sidecar_that_is_gone_or_no_file_says_why(tmp_path: Path) -> None:
    with pytest.raises(MetadataProblem, match="No such file"):
        read_sidecar(tmp_path / "a.txt.meta.json")


def test_what_the_user_says_is_key_and_value() -> None:
    assert given_metadata(["Team = red", "team=blue", "Due Date=2024-05", "gone="]) == (
        *(("team", "red"), ("team", "blue"), ("due_date", "2024-05")),
    )
    for wrong in ("team", "=red", "?=1"):
        with pytest.raises(SettingsError, match=r"is not key=value. Write it such as: --meta department=finance"):
            given_metadata([wrong])


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_sidecar_that_is_a_link_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "outside.toml").write_text('title = "secret"')
    (tmp_path / "a.pdf.meta.toml").symlink_to(tmp_path / "outside.toml")
    with pytest.raises(MetadataProblem, match="it is a link"):
        read_sidecar(tmp_path / "a.pdf.meta.toml")
