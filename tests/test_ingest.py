"""A folder and its index, kept in step: every file ends in one state, nothing is embedded twice."""

from __future__ import annotations

import errno
import os
import shlex
import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from reportlab.pdfgen.canvas import Canvas

from rag import intake, pipeline
from rag.corpus.readers import READERS, Content, Reader, Unread
from rag.datatypes import Document, Embeddings, Page, Source, State
from rag.errors import CorpusError, IndexDamaged, IndexMismatch, IndexMissing
from rag.index.chunking import Chunking
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import add_documents, ingest
from rag.reports import IngestReport, NoProgress
from tests.index.samples import database_file

WORDS = ("hook", "rope", "drum", "brake", "motor", "gear", "cabin", "ladder", "light", "horn", "rail", "wheel")


class CountingEmbedder(HashEmbedder):
    """Counts the texts it embeds."""

    embedded = 0

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        self.embedded += len(texts)
        return super().embed_texts(texts, tokens=tokens)


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "pump.md").write_text("# Pump\n\nThe pump needs oil every week.\n", encoding="utf-8")
    (folder / "leave.txt").write_text("Everyone has thirty days of leave.\n", encoding="utf-8")
    (folder / "sub" / "水泵.txt").write_text("水泵每周加一次油。\n", encoding="utf-8")
    return folder


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


def run(docs: Path, embedder: CountingEmbedder, **options: bool) -> IngestReport:
    return ingest([docs], docs.parent / "index", embedder, **options)  # type: ignore[arg-type]


def stored(docs: Path) -> dict[str, State]:
    with Index.open(docs.parent / "index") as index:
        return {source.path: source.state for source in index.all_sources()}


def texts(docs: Path) -> set[str]:
    with Index.open(docs.parent / "index") as index:
        return {index.text(source.document).strip() for source in index.all_sources() if source.document}


def test_a_folder_is_indexed_and_counted(docs: Path, embedder: CountingEmbedder) -> None:
    report = run(docs, embedder)
    assert report.files == {
        **{"seen": 3, "indexed": 3, "unchanged": 0, "empty": 0, "duplicate": 0, "failed": 0, "skipped": 0},
        **{"removed": 0, "stale": 0},
    }
    assert (report.chunks_added, report.chunks_removed, report.chunks_total) == (3, 0, 3)
    assert report.tokens > 0
    assert report.seconds["total"] >= report.seconds["embed"]


def test_a_second_run_embeds_nothing_and_commits_nothing(docs: Path, embedder: CountingEmbedder) -> None:
    first = run(docs, embedder)
    embedded = embedder.embedded
    second = run(docs, embedder)
    assert embedder.embedded == embedded
    assert second.files["unchanged"] == 3
    assert second.commit == first.commit


def test_a_touched_file_is_known_by_its_bytes(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    embedded = embedder.embedded
    (docs / "pump.md").write_bytes((docs / "pump.md").read_bytes())
    assert run(docs, embedder).files["unchanged"] == 3
    assert embedder.embedded == embedded


def test_verify_hashes_what_its_time_hides(docs: Path, embedder: CountingEmbedder) -> None:
    os.utime(docs / "leave.txt", (10**9, 10**9))  # a file that has just changed is not trusted
    run(docs, embedder)
    status = (docs / "leave.txt").stat()
    with (docs / "leave.txt").open("r+b") as file:
        file.write(b"Somebody")
    os.utime(docs / "leave.txt", ns=(status.st_atime_ns, status.st_mtime_ns))
    assert run(docs, embedder).files["indexed"] == 0
    assert run(docs, embedder, verify=True).files["indexed"] == 1


def test_a_changed_file_is_replaced_and_a_deleted_one_removed(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    (docs / "pump.md").write_text("# Pump\n\nThe pump needs grease every month.\n", encoding="utf-8")
    (docs / "leave.txt").unlink()
    report = run(docs, embedder)
    assert (report.files["indexed"], report.files["unchanged"], report.files["removed"]) == (1, 1, 1)
    assert report.chunks_total == 2
    assert texts(docs) == {"# Pump\n\nThe pump needs grease every month.", "水泵每周加一次油。"}


def test_a_renamed_file_embeds_nothing(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    embedded = embedder.embedded
    (docs / "pump.md").rename(docs / "sub" / "pump-2.md")
    report = run(docs, embedder)
    assert embedder.embedded == embedded
    assert (report.files["indexed"], report.files["removed"], report.files["duplicate"]) == (1, 1, 0)
    assert "sub/pump-2.md" in stored(docs)
    assert "pump.md" not in stored(docs)


def test_a_file_that_moved_while_another_took_its_name_is_not_lost(
    docs: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "BATCH_TOKENS", 1)  # a commit after each file
    run(docs, embedder)
    (docs / "leave.txt").rename(docs / "old.txt")
    (docs / "leave.txt").write_text("Everyone has forty days of leave.\n", encoding="utf-8")
    run(docs, embedder)
    assert {"Everyone has thirty days of leave.", "Everyone has forty days of leave."} < texts(docs)
    assert stored(docs)["old.txt"] is State.INDEXED


def test_equal_files_are_one_document_with_two_sources(docs: Path, embedder: CountingEmbedder) -> None:
    (docs / "copy.md").write_bytes((docs / "pump.md").read_bytes())
    report = run(docs, embedder)
    assert (report.files["indexed"], report.files["duplicate"]) == (3, 1)
    assert report.chunks_total == 3
    assert run(docs, embedder).files["unchanged"] == 4
    (docs / "copy.md").unlink()
    assert run(docs, embedder).chunks_total == 3


def test_a_copy_of_a_file_that_may_not_be_looked_at_stops_no_run(
    docs: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(docs, embedder)
    (docs / "copy.md").write_bytes((docs / "pump.md").read_bytes())
    exists = Path.exists

    def refused(path: Path) -> bool:
        if path.name == "pump.md":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return exists(path)

    monkeypatch.setattr(Path, "exists", refused)
    assert run(docs, embedder).files["duplicate"] == 1


def test_what_cannot_be_read_is_named_and_does_not_stop_the_run(docs: Path, embedder: CountingEmbedder) -> None:
    (docs / "blank.txt").write_text(" \n", encoding="utf-8")
    (docs / "broken.pdf").write_bytes(b"%PDF-1.4 not really")
    (docs / "tool.exe").write_bytes(b"MZ\x00\x01")
    report = run(docs, embedder)
    assert report.files["seen"] == 6
    assert (report.files["indexed"], report.files["empty"]) == (3, 1)
    assert {problem.path for problem in report.problems} == {"broken.pdf", "tool.exe"}
    assert all(problem.reason for problem in report.problems)
    again = run(docs, embedder)
    assert again.files["failed"] == report.files["failed"] == 1
    assert again.files["seen"] == sum(
        again.files[name] for name in ("indexed", "unchanged", "empty", "duplicate", "failed", "skipped")
    )


def test_a_file_that_worked_and_fails_now_keeps_its_last_good_version(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    (docs / "leave.txt").write_bytes(bytes(range(256)) * 4)
    report = run(docs, embedder)
    assert (report.files["failed"] + report.files["skipped"], report.files["stale"]) == (1, 1)
    assert "Everyone has thirty days of leave." in texts(docs)
    assert run(docs, embedder).files["stale"] == 1
    (docs / "leave.txt").write_text("Everyone has forty days of leave.\n", encoding="utf-8")
    assert run(docs, embedder).files["stale"] == 0
    assert "Everyone has thirty days of leave." not in texts(docs)


def test_one_file_named_alone_removes_nothing_else(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    report = ingest([docs / "pump.md"], docs.parent / "index", embedder)
    assert (report.files["seen"], report.files["removed"], report.chunks_total) == (1, 0, 3)


def test_a_missing_root_removes_nothing(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    with pytest.raises(CorpusError, match="nowhere"):
        ingest([docs, docs / "nowhere"], docs.parent / "index", embedder)
    assert len(stored(docs)) == 3


def test_losing_more_than_half_of_twenty_has_to_be_confirmed(tmp_path: Path, embedder: CountingEmbedder) -> None:
    docs = tmp_path / "our docs"
    docs.mkdir()
    for number in range(24):
        (docs / f"{number}.txt").write_text(f"Rule number {number}.\n", encoding="utf-8")
    run(docs, embedder)
    for number in range(13):
        (docs / f"{number}.txt").unlink()
    with pytest.raises(CorpusError, match=r"13 of 24 .* nothing was removed") as refused:
        run(docs, embedder)
    command = shlex.split(str(refused.value).partition("If that is meant: ")[2])
    assert command == ["rag", "ingest", "--prune", str(docs), "--index", str(docs.parent / "index")]
    assert len(stored(docs)) == 24
    assert run(docs, embedder, prune=True).files["removed"] == 13
    assert len(stored(docs)) == 11


def test_moving_everything_into_another_folder_is_no_loss(tmp_path: Path, embedder: CountingEmbedder) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    for number in range(24):
        (docs / f"{number}.txt").write_text(f"Rule number {number}.\n", encoding="utf-8")
    run(docs, embedder)
    (docs / "rules").mkdir()
    for number in range(24):
        (docs / f"{number}.txt").rename(docs / "rules" / f"{number}.txt")
    embedded = embedder.embedded
    assert run(docs, embedder).files["removed"] == 24
    assert embedder.embedded == embedded
    assert len(texts(docs)) == 24


def test_an_index_goes_on_being_cut_as_it_was(docs: Path, embedder: CountingEmbedder) -> None:
    index = docs.parent / "index"
    ingest([docs], index, embedder, chunking=Chunking(max_tokens=100))
    (docs / "more.md").write_text("Something that was not there before.")
    ingest([docs], index, embedder)
    add_documents([(Source("", "x", State.INDEXED, "x"), Document("x", "One more.", "plain"))], index, embedder)
    with Index.open(index, chunking=Chunking(max_tokens=100)) as opened:
        assert opened.check(deep=True) == []
        assert len(opened.all_sources()) == 5
    ingest([], index, embedder, rebuild=True)
    with Index.open(index, chunking=Chunking()) as opened:
        assert opened.check(deep=True) == []
        assert len(opened.all_sources()) == 5


def test_rebuild_re_embeds_everything_with_other_chunking(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    with pytest.raises(IndexMismatch, match="rag ingest --rebuild"):
        ingest([docs], docs.parent / "index", embedder, chunking=Chunking(max_tokens=100))
    (docs / "leave.txt").rename(docs.parent / "gone.txt")
    with Index.open(docs.parent / "index") as reader:
        report = ingest([], docs.parent / "index", embedder, chunking=Chunking(max_tokens=100), rebuild=True)
        assert reader.manifest.chunking == Chunking()
        assert len(reader.all_sources()) == 3
    assert report.chunks_total == 3
    with Index.open(docs.parent / "index") as index:
        assert index.manifest.chunking.max_tokens == 100
        assert len(index.all_sources()) == 3
        assert index.check() == []


def test_a_file_and_a_folder_take_each_others_place(docs: Path, embedder: CountingEmbedder) -> None:
    place, index = docs / "notes", docs.parent / "index"
    place.mkdir()
    (place / "a.md").write_text("The horn is loud.", encoding="utf-8")
    ingest([place], index, embedder)
    (place / "a.md").unlink()
    place.rmdir()
    place.write_text("The rail is new.", encoding="utf-8")
    assert ingest([place], index, embedder).files["removed"] == 1
    assert texts(docs) == {"The rail is new."}
    place.unlink()
    place.mkdir()
    (place / "a.md").write_text("The horn is loud.", encoding="utf-8")
    assert ingest([place], index, embedder).files["removed"] == 1
    assert texts(docs) == {"The horn is loud."}


def test_a_rebuild_counts_the_pages_of_a_changed_file_once(docs: Path, embedder: CountingEmbedder) -> None:
    def written(name: str, *pages: str) -> None:
        canvas = Canvas(str(docs / name))
        for text in pages:
            canvas.drawString(72, 720, text)
            canvas.showPage()
        canvas.save()

    written("a.pdf", "The pump is oiled.", "")
    written("b.pdf", "The drum is greased.")
    written("c.pdf", "The hook is checked.", "")
    assert run(docs, embedder).pages == {"indexed": 3, "empty": 2, "needs-ocr": 0, "failed": 0, "too-large": 0}
    written("a.pdf", "The pump is oiled.", "Weekly, that is.", "By two people.")
    (docs / "c.pdf").unlink()
    report = run(docs, embedder, rebuild=True)
    assert report.pages == {"indexed": 4, "empty": 0, "needs-ocr": 0, "failed": 0, "too-large": 0}


class Sum:
    """A progress whose stages have to be told to their end."""

    def __init__(self) -> None:
        self.total = self.done = 0
        self.stages: list[str] = []

    def start(self, stage: str, total: int) -> None:
        assert self.done == self.total
        self.stages.append(stage)
        self.total, self.done = total, 0

    def advance(self, units: int) -> None:
        self.done += units

    def note(self, what: str) -> None:
        raise AssertionError(what)  # a page of a file that is read in no time

    def finish(self) -> None:
        assert self.done == self.total


def test_progress_adds_up_to_what_was_announced(
    docs: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(READERS, ".csv", replace(READERS[".csv"], max_bytes=10))
    (docs / "large.csv").write_text("too,large\n" * 100, encoding="utf-8")
    shown = Sum()
    ingest([docs], docs.parent / "index", embedder, progress=shown)
    assert shown.stages == ["ingest", "compare"]


def test_progress_of_a_rebuild_adds_up_too(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    shown = Sum()
    ingest([], docs.parent / "index", embedder, chunking=Chunking(100, 20), rebuild=True, progress=shown)
    assert shown.stages[0] == "rebuild"


def test_progress_is_told_of_the_pages_of_a_long_file(tmp_path: Path, embedder: CountingEmbedder) -> None:
    class Heard(NoProgress):
        notes: ClassVar[list[str]] = []

        def note(self, what: str) -> None:
            self.notes.append(what)

    (tmp_path / "docs" / "a").mkdir(parents=True)
    canvas = Canvas(str(tmp_path / "docs" / "a" / "long.pdf"))
    for number in range(3):
        canvas.drawString(72, 700, f"Page {number}.")
        canvas.showPage()
    canvas.save()
    ingest([tmp_path / "docs"], tmp_path / "index", embedder, progress=Heard())
    assert Heard.notes[:2] == ["long.pdf, page 2 of 3", "long.pdf, page 3 of 3"]


def damage(index: Path) -> None:
    """Overwrite the database of an index."""
    (database,) = index.glob("gen-*/index.sqlite")
    for leftover in database.parent.glob("index.sqlite-*"):
        leftover.unlink()
    database.write_bytes(b"not a database" * 999)


def test_the_command_that_a_damaged_index_names_mends_it(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    damage(docs.parent / "index")
    with pytest.raises(IndexDamaged, match="rag ingest FOLDER --rebuild --index"):
        run(docs, embedder)
    report = run(docs, embedder, rebuild=True)
    assert (report.files["indexed"], report.chunks_total) == (3, 3)
    with Index.open(docs.parent / "index") as index:
        assert index.check() == []


def test_a_damaged_index_is_not_rebuilt_to_nothing(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    damage(docs.parent / "index")
    before = sorted(path.name for path in (docs.parent / "index").glob("gen-*"))
    with pytest.raises(IndexDamaged, match="rag ingest docs --rebuild"):
        ingest([], docs.parent / "index", embedder, rebuild=True)
    assert before[0] in {path.name for path in (docs.parent / "index").glob("gen-*")}


def test_rebuilding_what_is_not_there_makes_it(docs: Path, embedder: CountingEmbedder) -> None:
    assert run(docs, embedder, rebuild=True).chunks_total == 3


def test_rebuilding_what_is_not_there_from_nothing_is_an_error(docs: Path, embedder: CountingEmbedder) -> None:
    with pytest.raises(IndexMissing, match=r"There is no index at .*Make one with: rag ingest FOLDER --index"):
        ingest([], docs.parent / "other", embedder, rebuild=True)
    assert not (docs.parent / "other").exists()


def described(docs: Path) -> dict[str, tuple[object, object]]:
    with Index.open(docs.parent / "index") as index:
        return {source.path: (source.given, source.sidecar) for source in index.all_sources()}


def test_what_is_said_of_files_changes_without_embedding_anything(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    embedded, index = embedder.embedded, docs.parent / "index"
    sidecar = docs / "pump.md.meta.json"
    sidecar.write_text('{"team": "red"}')
    report = ingest([docs], index, embedder, meta=["year=2024"])
    assert (report.files["seen"], report.files["unchanged"]) == (3, 3)
    year, red = ("year", "2024"), ("team", "red")
    assert described(docs)["pump.md"] == ((year,), (red,))
    assert described(docs)["leave.txt"] == ((year,), ())
    again = run(docs, embedder)
    assert again.commit == report.commit  # what was said stays said
    sidecar.write_text('{"team": "blue"}')
    run(docs, embedder)
    assert described(docs)["pump.md"] == ((year,), (("team", "blue"),))
    sidecar.unlink()
    ingest([docs], index, embedder, meta=["year="])
    assert set(described(docs).values()) == {((), ())}
    assert embedder.embedded == embedded


def test_what_is_said_of_files_outlives_a_rebuild(docs: Path, embedder: CountingEmbedder) -> None:
    (docs / "pump.md").write_text("---\nauthor: Ada\n---\n# Pump\n\nThe pump needs oil.\n")
    (docs / "pump.md.meta.json").write_text('{"team": "red"}')
    ingest([docs], docs.parent / "index", embedder, meta=["year=2024"])
    before = described(docs)
    run(docs, embedder, rebuild=True)
    assert described(docs) == before
    with Index.open(docs.parent / "index") as index:
        assert sum(bool(index.document(source.document or "").metadata) for source in index.all_sources()) == 1


def test_a_sidecar_that_cannot_be_read_is_named_and_loses_nothing(docs: Path, embedder: CountingEmbedder) -> None:
    sidecar = docs / "pump.md.meta.json"
    sidecar.write_text("{")
    (docs / "gone.txt.meta.toml").write_text("")
    report = run(docs, embedder)
    assert (report.files["failed"], report.files["skipped"], report.files["indexed"]) == (1, 1, 2)
    failed, skipped = sorted(report.problems, key=lambda source: source.state)
    assert failed.reason.startswith("pump.md.meta.json cannot be read: Expecting property name")
    assert failed.fix == "mend pump.md.meta.json"
    assert skipped.reason == "describes gone.txt, which is not there"
    sidecar.write_text('{"team": "red"}')
    assert run(docs, embedder).files["indexed"] == 1
    sidecar.write_text("[]")
    assert run(docs, embedder).files["stale"] == 1
    assert described(docs)["pump.md"] == ((), (("team", "red"),))
    sidecar.unlink()
    assert run(docs, embedder).files["failed"] == 0
    assert stored(docs)["pump.md"] is State.INDEXED
    assert described(docs)["pump.md"] == ((), ())


def test_what_was_said_of_a_file_follows_it_and_outlives_its_failures(docs: Path, embedder: CountingEmbedder) -> None:
    index, team = docs.parent / "index", (("team", "red"),)
    ingest([docs], index, embedder, meta=["team=red"])
    (docs / "pump.md").rename(docs / "motor.md")
    (docs / "leave.txt").unlink()
    (docs / "leave.txt").symlink_to("/dev/null")
    report = run(docs, embedder)
    assert report.files["stale"] == 1
    assert {path: given for path, (given, _) in described(docs).items()} == {
        "motor.md": team,
        "leave.txt": team,
        "sub/水泵.txt": team,
    }


def test_an_index_of_a_newer_format_is_not_rebuilt(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    with sqlite3.connect(database_file(docs.parent / "index")) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(IndexMismatch, match="Upgrade rag"):
        run(docs, embedder, rebuild=True)


def test_an_index_of_an_earlier_format_is_rebuilt_from_its_files(docs: Path, embedder: CountingEmbedder) -> None:
    run(docs, embedder)
    index = docs.parent / "index"
    with sqlite3.connect(database_file(index)) as connection:
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    with pytest.raises(IndexMismatch, match=r"has format 1, of an earlier version .* rag migrate"):
        run(docs, embedder)
    with pytest.raises(IndexMismatch, match=r"cannot be carried over: .* Name the folders to read again"):
        ingest([], index, embedder, rebuild=True)
    run(docs, embedder, rebuild=True)
    assert len(texts(docs)) == 3


def test_scans_are_read_again_once_ocr_is_there_and_other_files_are_not(
    docs: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = [True]
    read: list[str] = []

    def parse(data: bytes, path: str) -> Content | Unread:
        read.append(path)
        if b"scan" in data and missing[0]:
            return Unread(State.NEEDS_OCR, "only images")
        if b"mixed" in data and missing[0]:
            return Content("The first page.", pages=(Page(1, 0, 15), Page(2, 15, 15, state=State.NEEDS_OCR)))
        return Content(data.decode())

    monkeypatch.setattr("rag.corpus.readers.pictures.ocr_extra.is_missing", lambda: missing[0])
    monkeypatch.setattr("rag.corpus.readers.signature.suffix_of", lambda _data: "")
    monkeypatch.setitem(READERS, ".pdf", Reader("pdf", "1", parse, isolated=False))
    for name in ("text", "mixed", "scan"):
        (docs / f"{name}.pdf").write_text(f"A page of {name}.", encoding="utf-8")
    (docs / "copy.pdf").write_bytes((docs / "mixed.pdf").read_bytes())
    run(docs, embedder)
    assert {name: state.value for name, state in stored(docs).items() if name.endswith(".pdf")} == {
        "copy.pdf": "indexed", "mixed.pdf": "duplicate-of", "scan.pdf": "needs-ocr", "text.pdf": "indexed",
    }  # fmt: skip
    read.clear()
    run(docs, embedder)
    assert read == []
    missing[0] = False
    run(docs, embedder)
    assert sorted(read) == ["copy.pdf", "scan.pdf"]
    assert {"A page of scan.", "A page of mixed.", "A page of text."} <= texts(docs)
    assert "The first page." not in texts(docs)
    assert run(docs, embedder).files["unchanged"] == 7
    missing[0] = True
    assert run(docs, embedder).files["unchanged"] == 7
    assert sorted(read) == ["copy.pdf", "scan.pdf"]


def test_what_readers_cleaned_is_counted_for_the_files_that_are_read(docs: Path, embedder: CountingEmbedder) -> None:
    (docs / "page.html").write_text("<nav><a href=a>Home</a></nav><main><p>The winch.</p></main>", encoding="utf-8")
    (docs / "soft.txt").write_text("co\u00adop\u00aderate", encoding="utf-8")
    assert run(docs, embedder).cleaned == {"invisible_kept": 2, "parts_around": 1}
    assert run(docs, embedder).cleaned == {}
    with Index.open(docs.parent / "index") as index:
        own = [dict(index.head(source.document).metadata) for source in index.all_sources() if source.document]
    assert [each for each in own if each] == [{"parts_around": "1"}, {"invisible_kept": "2"}]


PROSE = " ".join(f"The {part} of the harbour crane is looked at by the fitter in week seven." for part in WORDS)


def test_near_duplicates_of_what_is_new_are_told(docs: Path, embedder: CountingEmbedder) -> None:
    (docs / "edition1.txt").write_text(PROSE, encoding="utf-8")
    assert run(docs, embedder).near_duplicates == ()
    (docs / "edition2.txt").write_text(f"{PROSE} Approved by the board.", encoding="utf-8")
    (pair,) = run(docs, embedder).near_duplicates
    assert [Path(pair.source).name, Path(pair.like).name] == ["edition2.txt", "edition1.txt"]
    assert 0.9 < pair.share <= 1
    assert run(docs, embedder).near_duplicates == ()  # nothing is new
    assert len(run(docs, embedder, rebuild=True).near_duplicates) == 1
    (docs / "edition1.txt").unlink()
    (docs / "edition2.txt").write_text(f"{PROSE} Approved by nobody.", encoding="utf-8")
    assert run(docs, embedder).near_duplicates == ()  # neither what was replaced nor what is gone is there


def test_among_too_many_new_documents_near_duplicates_are_not_looked_for_and_it_is_said(
    docs: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pipeline, "MOST_COMPARED", 1)
    (docs / "edition1.txt").write_text(PROSE, encoding="utf-8")
    (docs / "edition2.txt").write_text(f"{PROSE} Approved by the board.", encoding="utf-8")
    with caplog.at_level("INFO"):
        assert run(docs, embedder).near_duplicates == ()
    assert "near-duplicates of 5 new documents were not looked for; rag duplicates does that" in caplog.text


def test_where_near_duplicates_cannot_be_told_the_ingest_holds(
    docs: Path, embedder: CountingEmbedder, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(*_: object) -> None:
        raise IndexDamaged("a text has not its checksum")

    monkeypatch.setattr(pipeline, "near_duplicates_of", damaged)
    assert run(docs, embedder).files["indexed"] == 3
    assert "near-duplicates were not looked for: a text has not its checksum" in caplog.text
    assert len(stored(docs)) == 3
