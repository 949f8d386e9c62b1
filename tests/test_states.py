"""Each file of a folder ends in exactly one state, whatever the folder holds; what failed is tried again in time."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rag.corpus.ledger import COUNTED
from rag.corpus.parsing import InProcess
from rag.corpus.readers import READERS, Content, Member, Reader, Unread
from rag.corpus.walk import Found
from rag.datatypes import FOLDED, Page, Source, State
from rag.errors import CorpusError
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest
from rag.reports import IngestReport

STATES = {state for state in State if state not in (State.UNCHANGED, State.DUPLICATE)}


def run(docs: Path, *, prune: bool = False, verify: bool = False) -> IngestReport:
    parser = InProcess()  # READERS are changed here, which a child process would not know
    return ingest([docs], docs.parent / "index", HashEmbedder(), prune=prune, verify=verify, parser=parser)


def stored(docs: Path) -> dict[str, Source]:
    with Index.open(docs.parent / "index") as index:
        return {source.path: source for source in index.all_sources()}


def states(docs: Path) -> dict[str, State]:
    return {path: source.state for path, source in stored(docs).items()}


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    return tmp_path / "docs"


NAMES = st.sampled_from(["a.md", "b.txt", "c.html", "d.xyz", "e", ".f", "g.pdf", "h.docx", "~$i.docx", "日本.md"])
FOLDERS = st.sampled_from(["", "sub", "sub/deep", ".git", "node_modules", "build", "drafts"])
BYTES = st.sampled_from(
    [b"", b" \n", b"# One\n\ntext\n", b"text\n", b"\0\1\2\xff\xfe", b"%PDF-1.7", b"<p>text</p>", b"caf\xe9"]
)
RULES = st.sampled_from(["", "*.md\n", "drafts/\n!a.md\n", "sub\n", "!.git\n!.f\n", "/e\n"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.tuples(FOLDERS, NAMES), BYTES, max_size=12), RULES, RULES)
def test_the_counts_add_up_whatever_a_folder_holds(files: dict[tuple[str, str], bytes], rules: str, later: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder).resolve() / "docs"
        for (sub, name), data in {**files, ("", "Makefile"): b"all:\n"}.items():
            (docs / sub).mkdir(parents=True, exist_ok=True)
            (docs / sub / name).write_bytes(data)
        for said in (rules, later):
            (docs / ".ragignore").write_text(said)
            report, sources = run(docs, prune=True), stored(docs)
            assert report.files["seen"] == len(sources) == sum(report.files[name] for name in COUNTED)
            shut = {path for path, source in sources.items() if source.left_out}
            inside = {path.relative_to(docs).as_posix() for path in docs.rglob("*") if path.is_file()}
            held = {path for path in inside if path in shut or any(path.startswith(f"{each}/") for each in shut)}
            assert held.isdisjoint(set(sources) - shut)
            assert inside - held == set(sources) - shut
            assert sum(report.left_out.values()) == len(shut)
            folded = Counter(FOLDED[source.state] for source in sources.values())
            assert {name: folded[name] for name in ("empty", "failed", "skipped")} == {
                name: report.files[name] for name in ("empty", "failed", "skipped")
            }
            assert all(source.document is None for source in sources.values() if source.left_out)
            second = run(docs, prune=True)
            assert second.commit == report.commit
            assert second.left_out == report.left_out


def test_what_is_left_out_now_is_removed_and_comes_back(docs: Path) -> None:
    (docs / "drafts").mkdir()
    for name in ("a.md", "b.tmp.md", "drafts/c.md", "drafts/d.md"):
        (docs / name).write_text(f"The text of {name}.")
    assert run(docs).files["indexed"] == 4
    (docs / ".ragignore").write_text("*.tmp.md\ndrafts/\n")
    report = run(docs)
    assert (report.files["removed"], report.files["skipped"], report.files["stale"]) == (3, 3, 0)
    assert report.chunks_total == 1
    assert report.problems == ()
    assert report.left_out == {"hidden": 1, ".ragignore:1 (*.tmp.md)": 1, ".ragignore:2 (drafts/)": 1}
    assert states(docs)["drafts"] is State.SKIPPED
    (docs / ".ragignore").unlink()
    assert run(docs).files["indexed"] == 3
    assert set(states(docs)) == {"a.md", "b.tmp.md", "drafts/c.md", "drafts/d.md"}


@pytest.mark.parametrize("rule", ["*.md", "sub/"])
def test_leaving_out_more_than_half_of_twenty_has_to_be_confirmed(docs: Path, rule: str) -> None:
    (docs / "sub").mkdir()
    for number in range(20):
        (docs / "sub" / f"{number}.md").write_text(f"Text number {number}.")
    run(docs)
    (docs / ".ragignore").write_text(rule)
    with pytest.raises(CorpusError, match=r"20 of 20 indexed documents are gone from .* or left out now"):
        run(docs)
    kept = [state for path, state in states(docs).items() if path.startswith("sub/")]
    assert kept == [State.INDEXED] * 20
    assert run(docs, prune=True).files["removed"] == 20


def test_a_renamed_file_that_is_left_out_now_embeds_nothing(docs: Path) -> None:
    (docs / "a.md").write_text("The text that moves.")
    run(docs)
    shutil.copy(docs / "a.md", docs / "b.md")
    (docs / ".ragignore").write_text("a.md\n")
    report = run(docs)
    assert (report.tokens, report.chunks_total) == (0, 1)
    assert states(docs)["b.md"] is State.INDEXED


def reader(*outcomes: Content | Unread, version: str = "1") -> Reader:
    """A reader that says one thing after the other, the last one from then on."""
    left = list(outcomes)
    return Reader("odd", version, lambda data, path: left.pop(0) if len(left) > 1 else left[0])


FAILING = sorted(STATES - {State.INDEXED, State.EMPTY, State.SKIPPED})


@pytest.mark.parametrize("state", FAILING)
def test_what_failed_is_tried_again_when_it_changed(docs: Path, state: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, ".odd", reader(Unread(state, "why"), Content("Read at last.")))
    (docs / "a.odd").write_bytes(b"1")
    run(docs)
    assert states(docs) == {"a.odd": state}
    run(docs)
    assert states(docs) == {"a.odd": state}  # nothing changed: it is not tried again
    (docs / "a.odd").write_bytes(b"22")
    assert run(docs).files["indexed"] == 1
    assert states(docs) == {"a.odd": State.INDEXED}


@pytest.mark.parametrize("state", FAILING)
def test_what_failed_is_tried_again_when_its_reader_changed(
    docs: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS, ".odd", reader(Unread(state, "why")))
    (docs / "a.odd").write_bytes(b"1")
    os.utime(docs / "a.odd", (1_000_000_000.5, 1_000_000_000.5))
    run(docs)
    assert states(docs) == {"a.odd": state}
    monkeypatch.setitem(READERS, ".odd", reader(Content("Read at last."), version="2"))
    assert run(docs).files["indexed"] == 1
    assert states(docs) == {"a.odd": State.INDEXED}


def test_an_extra_that_is_installed_later_is_used(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slides = replace(reader(Content("A slide.")), modules=("no_such_module",), extra="office")
    monkeypatch.setitem(READERS, ".odd", slides)
    (docs / "a.odd").write_bytes(b"1")
    report = run(docs)
    assert states(docs) == {"a.odd": State.NEEDS_EXTRA}
    assert report.problems[0].fix == 'python -m pip install "rag[office]"'
    monkeypatch.setitem(READERS, ".odd", replace(slides, modules=("json",)))
    assert run(docs).files["indexed"] == 1


def test_a_format_that_gets_a_reader_is_read(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (docs / "a.odd").write_bytes(b"\0\xff")
    run(docs)
    assert states(docs) == {"a.odd": State.UNSUPPORTED}
    monkeypatch.setitem(READERS, ".odd", reader(Content("Text.")))
    assert run(docs).files["indexed"] == 1


def test_a_larger_limit_lets_a_large_file_in(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, ".odd", replace(reader(Content("Text.")), max_bytes=3))
    (docs / "a.odd").write_bytes(b"12345")
    run(docs)
    assert states(docs) == {"a.odd": State.TOO_LARGE}
    monkeypatch.setitem(READERS, ".odd", replace(reader(Content("Text.")), max_bytes=9))
    assert run(docs).files["indexed"] == 1


def test_a_file_that_could_not_be_opened_is_tried_each_time(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (docs / "a.txt").write_text("Behind a lock.")

    def refusing(found: Found, most: int) -> bytes:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patched:
        patched.setattr("rag.intake.content", refusing)
        run(docs)
        assert states(docs) == {"a.txt": State.FAILED}
    assert run(docs).files["indexed"] == 1  # a change of permissions leaves time, size and inode as they were


def test_places_with_one_number_are_one_page(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (Page(1, 0, 0, "row 1"), Page(1, 0, 3, "row 2"), Page(1, 3, 5, "row 3"), Page(2, 5, 5, "row 1"))
    monkeypatch.setitem(READERS, ".odd", reader(Content("Text.", pages=rows)))
    (docs / "a.odd").write_bytes(b"1")
    assert run(docs).pages == {"indexed": 1, "empty": 1, "needs-ocr": 0, "failed": 0, "too-large": 0}


def test_pages_that_could_not_be_read_are_counted_named_and_kept(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pages = (Page(1, 0, 5), Page(2, 5, 5), Page(3, 5, 5, state=State.NEEDS_OCR), Page(4, 5, 5, "iv", State.FAILED))
    monkeypatch.setitem(READERS, ".odd", reader(Content("Text.", pages=pages)))
    (docs / "a.odd").write_bytes(b"1")
    report = run(docs)
    assert report.pages == {"indexed": 1, "empty": 1, "needs-ocr": 1, "failed": 1, "too-large": 0}
    assert [(each.state, each.reason) for each in report.problems] == [
        (State.NEEDS_OCR, "page 3 of 4: a picture without text"),
        (State.FAILED, "page 4 of 4: cannot be read"),
    ]
    with Index.open(docs.parent / "index") as index:
        (source,) = index.all_sources()
        assert source.document
        assert index.head(source.document).pages == pages
        assert index.check(deep=True) == []


def test_what_is_left_out_within_an_archive_is_said_once(docs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("a.md", ".git/config", ".git/HEAD", "sub/node_modules/x/readme.md", "sub/__MACOSX/._a.md")
    members = [Member(name, f"The text of {name}.".encode()) for name in names]
    monkeypatch.setitem(READERS, ".odd", Reader("odd", "1", lambda data, path: Content("", members=members)))
    (docs / "a.odd").write_bytes(b"1")
    assert run(docs).files["indexed"] == 1
    assert {path: source.left_out for path, source in stored(docs).items()} == {
        "a.odd!/a.md": "",
        "a.odd!/.git": "hidden",
        "a.odd!/sub/node_modules": "node_modules",
        "a.odd!/sub/__MACOSX": "__MACOSX",
    }
    assert run(docs).left_out == {"hidden": 1, "node_modules": 1, "__MACOSX": 1}
    (docs / ".ragignore").write_text("*.odd\n")
    assert run(docs).files["removed"] == 1
    assert set(stored(docs)) == {".ragignore", "a.odd"}
