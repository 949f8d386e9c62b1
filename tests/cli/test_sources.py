"""Between locations in an index and paths that are typed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from rag.cli.sources import find_many, find_one, shown, split_span
from rag.datatypes import Source, State
from rag.errors import CorpusError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`docs/` with three files, the current folder above it."""
    root = tmp_path.resolve()
    for name in ("docs/a.md", "docs/sub/b.txt", "docs/sub/c d.md"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")
    monkeypatch.chdir(root)
    return root


def sources(folder: Path) -> list[Source]:
    names = ("a.md", "sub/b.txt", "sub/c d.md")
    return [Source((folder / "docs").as_posix(), name, State.INDEXED, document=name) for name in names]


def test_a_location_is_shown_relative_inside_the_current_folder_and_absolute_outside(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = (folder / "docs" / "sub" / "b.txt").as_posix()
    assert shown(location) == "docs/sub/b.txt"
    monkeypatch.chdir(folder / "docs" / "sub")
    assert shown(location) == "b.txt"
    monkeypatch.chdir(folder / "docs")
    assert Path(shown((folder / "a.md").as_posix())).is_absolute()


def test_what_would_read_as_a_flag_is_shown_with_its_folder(folder: Path) -> None:
    assert shown((folder / "-x.md").as_posix()) == "./-x.md"


def test_a_url_and_a_line_of_a_corpus_are_shown_as_they_are(folder: Path) -> None:
    assert shown("https://example.org/a.md") == "https://example.org/a.md"
    assert shown("corpus.jsonl#7") == "corpus.jsonl#7"


@pytest.mark.parametrize("argument", ["docs/a.md", "./docs/a.md", "docs/sub/../a.md", "{}/docs/a.md"])
def test_a_source_is_found_by_any_path_to_its_file(folder: Path, argument: str) -> None:
    assert find_one(argument.format(folder.as_posix()), sources(folder)).path == "a.md"


@pytest.mark.skipif(sys.platform == "win32", reason="symbolic links need rights there")
def test_a_source_is_found_through_a_symbolic_link(folder: Path) -> None:
    (folder / "link").symlink_to(folder / "docs")
    assert find_one("link/a.md", sources(folder)).path == "a.md"


def test_an_unknown_source_names_the_nearest(folder: Path) -> None:
    with pytest.raises(CorpusError, match=r"'docs/b.tx' is not in the index; nearest: docs/sub/b\.txt"):
        find_one("docs/b.tx", sources(folder))


def test_a_file_that_was_not_ingested_says_how_to(folder: Path) -> None:
    (folder / "new.md").write_text("new", encoding="utf-8")
    with pytest.raises(
        CorpusError, match=r"'new\.md' is not in the index; it exists; add it with: rag ingest new\.md$"
    ):
        find_one("new.md", sources(folder))


def test_a_name_that_is_too_long_for_any_file_names_none(folder: Path) -> None:
    long = "长" * 100
    with pytest.raises(CorpusError, match="is not in the index; all that it holds: rag ls"):
        find_many([long], sources(folder))
    assert split_span(f"{long}:0-5", sources(folder)) == (long, (0, 5))


def test_what_only_holds_others_says_what_is_in_it(folder: Path) -> None:
    (folder / "pack.zip").write_bytes(b"")
    member = Source(folder.as_posix(), "pack.zip!/b.txt", State.INDEXED)
    said = r"'pack.zip' has no text of its own but 1 file in it: pack\.zip!/b\.txt \(all: rag ls pack\.zip\)"
    with pytest.raises(CorpusError, match=said):
        find_one("pack.zip", [*sources(folder), member])
    with pytest.raises(CorpusError, match=r"'docs' has no text of its own but 3 files in it: docs/a\.md"):
        find_one("docs", sources(folder))


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ([], ["a.md", "sub/b.txt", "sub/c d.md"]),
        (["docs"], ["a.md", "sub/b.txt", "sub/c d.md"]),
        (["docs/sub"], ["sub/b.txt", "sub/c d.md"]),
        (["*.md"], ["a.md", "sub/c d.md"]),
        (["docs/sub/[bx].txt", "docs/a.md"], ["a.md", "sub/b.txt"]),
    ],
)
def test_folders_and_globs_name_several(folder: Path, arguments: list[str], names: list[str]) -> None:
    assert [source.path for source in find_many(arguments, sources(folder))] == names


def test_an_argument_that_names_nothing_is_an_error_even_among_others(folder: Path) -> None:
    with pytest.raises(CorpusError, match=r"'\*\.pdf' is not in the index"):
        find_many(["docs/a.md", "*.pdf"], sources(folder))


def test_the_last_digits_are_the_span(folder: Path) -> None:
    assert split_span("docs/a.md:3-17", sources(folder)) == ("docs/a.md", (3, 17))
    assert split_span("docs/a.md", sources(folder)) == ("docs/a.md", None)
    assert split_span("docs/a.md:3-17:4-5", sources(folder)) == ("docs/a.md:3-17", (4, 5))


@pytest.mark.skipif(sys.platform == "win32", reason="no colon in a file name there")
def test_a_file_that_is_named_like_a_span_is_the_file(folder: Path) -> None:
    (folder / "docs" / "a.md:3-17").write_text("odd", encoding="utf-8")
    assert split_span("docs/a.md:3-17", sources(folder)) == ("docs/a.md:3-17", None)
    gone = Source((folder / "docs").as_posix(), "gone:1-2", State.INDEXED, document="x")
    assert split_span("docs/gone:1-2", [gone]) == ("docs/gone:1-2", None)
