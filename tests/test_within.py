"""Files within files in step with their index: each ends in one state, and a container that is as it was stays shut."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from email.message import EmailMessage
from pathlib import Path

import pytest

from rag.corpus import members
from rag.corpus.parsing import InProcess
from rag.corpus.readers import READERS, Content, Member, Parsed, Reader, Unread
from rag.corpus.readers.plain import MARKDOWN, PLAIN
from rag.corpus.sandbox.pool import Sandbox
from rag.datatypes import Source, State
from rag.index.index import Index
from rag.models.fakes import HashEmbedder, OverlapReader
from rag.pipeline import ingest
from rag.reports import IngestReport
from tests.test_ingest import CountingEmbedder

BAD = b"damaged from here on"


def _zipped(data: bytes, path: str) -> Content | Unread:
    """A tiny reader of ZIP archives, in which a member of the content `BAD` is damage."""
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except zipfile.BadZipFile as error:
        return Unread(State.FAILED, f"damaged: {error}")

    def each() -> Iterator[Member]:
        for entry in archive.infolist():
            content = archive.read(entry)
            if content == BAD:
                yield Member("", problem=Unread(State.FAILED, BAD.decode()))
                return
            yield Member(entry.filename, content)

    return Content("", members=each())


def _mail(data: bytes, path: str) -> Content | Unread:
    """A text, and after a line of dashes what is attached: name=content, one a line; "!" is damage."""
    text, dashes, attached = data.decode().partition("-----\n")
    if not text:
        return Unread(State.FAILED, "no mail")

    def each() -> Iterator[Member]:
        for line in attached.splitlines():
            name, _, content = line.partition("=")
            if name == "!":
                yield Member("", problem=Unread(State.FAILED, "cut off"))
                return
            if name == "locked.txt":
                yield Member(name, problem=Unread(State.ENCRYPTED, "needs a password"))
            else:
                yield Member(name, content.encode())

    return Content(text, members=each() if dashes else ())


ZIP, MAIL = Reader("zip", "1", _zipped), Reader("mail", "1", _mail)


class Counting(InProcess):
    """Counts what is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def parse(self, reader: Reader, data: bytes, path: str) -> Parsed:
        self.opened.append(path.rpartition("!/")[2])
        return super().parse(reader, data, path)


@pytest.fixture(autouse=True)
def _readers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(READERS, ".zip", ZIP)
    monkeypatch.setitem(READERS, ".mail", MAIL)


class Folder:
    """A folder, its index, and what happened."""

    def __init__(self, path: Path) -> None:
        self.path = path / "docs"
        self.path.mkdir()
        self.index = path / "index"
        self.embedder = CountingEmbedder()
        self.parser = Counting()
        self.clock = 10**9

    def write(self, name: str, data: bytes | str) -> Path:
        """A file, which changed some time ago."""
        path = self.path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.clock += 1
        os.utime(path, (self.clock + 0.5, self.clock + 0.5))
        return path

    def ingest(self, *paths: Path, verify: bool = False) -> IngestReport:
        """A run, after which a second one finds nothing to do."""
        report = ingest(list(paths) or [self.path], self.index, self.embedder, parser=self.parser, verify=verify)
        opened, embedded = len(self.parser.opened), self.embedder.embedded
        again = ingest(list(paths) or [self.path], self.index, self.embedder, parser=self.parser)
        assert self.parser.opened[opened:] == []
        assert (again.commit, again.chunks_added, again.chunks_removed) == (report.commit, 0, 0)
        assert self.embedder.embedded == embedded
        assert again.files["seen"] == report.files["seen"]
        return report

    def taken(self) -> list[str]:
        """What was opened since this was last asked."""
        opened, self.parser.opened = self.parser.opened, []
        return opened

    def sources(self) -> dict[str, Source]:
        with Index.open(self.index) as index:
            return {source.path: source for source in index.all_sources()}

    def states(self) -> dict[str, State]:
        return {path: source.state for path, source in self.sources().items()}

    def texts(self) -> dict[str, str]:
        """What is stored of each source that has a document."""
        with Index.open(self.index) as index:
            return {each.path: index.text(each.document) for each in index.all_sources() if each.document}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def packed(files: Mapping[str, bytes | str]) -> bytes:
    """A ZIP archive."""
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)
    return found.getvalue()


# ---------------------------------------------------------------- an archive is a folder


def test_the_files_in_an_archive_are_indexed_and_it_is_none_itself(folder: Folder) -> None:
    inner = packed({"c.txt": "the third text"})
    folder.write("a.zip", packed({"b.txt": "the first text", "sub/b.md": "# Second", "b.zip": inner}))
    report = folder.ingest()
    assert (report.files["seen"], report.files["indexed"]) == (3, 3)
    assert folder.texts() == {
        "a.zip!/b.txt": "the first text",
        "a.zip!/sub/b.md": "# Second",
        "a.zip!/b.zip!/c.txt": "the third text",
    }
    status = (folder.path / "a.zip").stat()
    assert {(each.size, each.mtime_ns, each.inode) for each in folder.sources().values()} == {
        (status.st_size, status.st_mtime_ns, status.st_ino)
    }
    assert {each.reader for each in folder.sources().values()} == {
        *(f"zip/1!/{PLAIN.stamp}", f"zip/1!/{MARKDOWN.stamp}", f"zip/1!/zip/1!/{PLAIN.stamp}")
    }


def test_the_same_by_child_processes(folder: Folder) -> None:
    lines = "b.txt=first\n../c.txt=second\n!encrypted\nd.members=e.txt=third\nf.abort=x\ng.txt=fourth"
    folder.write("a.members", lines)
    from tests.corpus.misbehaving import READERS as MISBEHAVING

    READERS.update(MISBEHAVING)
    try:
        with Sandbox(readers=["tests.corpus.misbehaving"]) as sandbox:
            folder.parser = sandbox  # type: ignore[assignment]
            report = ingest([folder.path], folder.index, folder.embedder, parser=sandbox)
    finally:
        for name in MISBEHAVING:
            del READERS[name]
    assert folder.texts() == {
        "a.members!/b.txt": "first",
        "a.members!/c.txt": "second",
        "a.members!/d.members!/e.txt": "third",
        "a.members!/g.txt": "fourth",
    }
    states = folder.states()
    assert states["a.members!/locked.txt"] is State.ENCRYPTED
    assert folder.sources()["a.members!/f.abort"].reason == "the parser crashed (signal 6)"
    assert report.files["failed"] == 2


def test_archives_and_mail_by_their_own_readers(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # the readers as they are
    letter = EmailMessage()
    letter["Subject"] = "The plan"
    letter.set_content("Dear all, here it is.")
    letter.add_attachment("Oil the pump.", filename="../plan.txt")
    letter.add_attachment(
        packed({"page.html": "<h1>Valve</h1><p>Grease it.</p>"}), "application", "zip", filename="a.zip"
    )
    with tarfile.open(folder.path / "all.tar.gz", "w:gz") as archive:
        for name, data in (("mail.eml", letter.as_bytes()), ("水泵.md", "# 水泵".encode()), ("x.zip", b"no archive")):
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            archive.addfile(entry, io.BytesIO(data))
    os.utime(folder.path / "all.tar.gz", (10**9, 10**9 + 0.5))
    report = ingest([folder.path], folder.index, folder.embedder)
    texts = folder.texts()
    assert set(texts) == {
        "all.tar.gz!/mail.eml",
        "all.tar.gz!/mail.eml!/plan.txt",
        "all.tar.gz!/mail.eml!/a.zip!/page.html",
        "all.tar.gz!/水泵.md",
    }
    assert texts["all.tar.gz!/mail.eml!/plan.txt"].strip() == "Oil the pump."
    assert "Grease it." in texts["all.tar.gz!/mail.eml!/a.zip!/page.html"]
    assert folder.states()["all.tar.gz!/x.zip"] is State.FAILED
    assert (report.files["seen"], report.files["indexed"], report.files["failed"]) == (5, 4, 1)
    again = ingest([folder.path], folder.index, folder.embedder)
    assert (again.commit, again.files["unchanged"], again.files["failed"]) == (report.commit, 4, 1)


@pytest.mark.parametrize(
    ("data", "state"),
    [
        (packed({}), State.EMPTY),
        (packed({".hidden": "x", "__MACOSX/a.txt": "y", "x/node_modules/z.md": "z"}), State.EMPTY),
        (b"no archive at all", State.FAILED),
        (b"", State.EMPTY),
    ],
)
def test_an_archive_without_files_is_empty_and_a_damaged_one_failed(folder: Folder, data: bytes, state: State) -> None:
    folder.write("a.zip", data)
    folder.ingest()
    states = folder.states()
    assert states.pop("a.zip") is state
    assert set(states.values()) <= {State.SKIPPED}  # hidden members are said


def test_a_mail_has_a_text_and_what_is_attached(folder: Folder) -> None:
    folder.write("a.mail", "Dear all\n-----\nb.txt=the plan\nlocked.txt=\ntool.exe=MZ\nempty.txt=\n")
    report = folder.ingest()
    assert folder.texts() == {"a.mail": "Dear all\n", "a.mail!/b.txt": "the plan"}
    assert folder.states() == {
        "a.mail": State.INDEXED,
        "a.mail!/b.txt": State.INDEXED,
        "a.mail!/locked.txt": State.ENCRYPTED,
        "a.mail!/tool.exe": State.UNSUPPORTED,
        "a.mail!/empty.txt": State.EMPTY,
    }
    assert report.files["seen"] == 5


def test_what_follows_damage_is_named(folder: Folder) -> None:
    folder.write("a.zip", packed({"a.txt": "first", "b": BAD, "c.txt": "third"}))
    folder.write("b.mail", "Dear all\n-----\na.txt=attached\n!\n")
    folder.ingest()
    assert folder.states() == {
        "a.zip": State.FAILED,
        "a.zip!/a.txt": State.INDEXED,
        "b.mail": State.INDEXED,
        "b.mail!/a.txt": State.INDEXED,
        "b.mail!/…": State.FAILED,
    }


# ---------------------------------------------------------------- in step


def test_a_changed_archive_is_read_again_and_what_it_lost_goes(folder: Folder) -> None:
    folder.write("a.zip", packed({"a.txt": "first", "b.txt": "second", "c.zip": packed({"d.txt": "third"})}))
    folder.ingest()
    embedded = folder.embedder.embedded
    folder.write("a.zip", packed({"a.txt": "first", "b.txt": "changed", "e.txt": "new"}))
    report = folder.ingest()
    assert folder.texts() == {"a.zip!/a.txt": "first", "a.zip!/b.txt": "changed", "a.zip!/e.txt": "new"}
    assert (report.files["indexed"], report.files["unchanged"], report.files["removed"]) == (2, 1, 1)
    assert folder.embedder.embedded == embedded + 2
    (folder.path / "a.zip").unlink()
    assert folder.ingest().files["removed"] == 3
    assert folder.states() == {}


def test_an_archive_named_alone_loses_what_it_lost(folder: Folder) -> None:
    path = folder.write("a.zip", packed({"a.txt": "first", "b.txt": "second"}))
    folder.write("b.txt", "beside")
    folder.ingest()
    folder.write("a.zip", packed({"a.txt": "first"}))
    folder.ingest(path)
    assert folder.texts() == {"a.zip!/a.txt": "first", "b.txt": "beside"}


def test_a_touched_archive_embeds_nothing(folder: Folder) -> None:
    data = packed({"a.txt": "first", "b.mail": "Dear\n-----\nc.txt=attached\n"})
    folder.write("a.zip", data)
    folder.ingest()
    embedded = folder.embedder.embedded
    folder.taken()
    folder.write("a.zip", data)
    assert folder.ingest().files["unchanged"] == 3
    assert folder.taken() == ["a.zip"]
    assert folder.embedder.embedded == embedded


def test_a_touched_mail_is_known_by_its_bytes_with_what_is_attached(folder: Folder) -> None:
    data = "Dear all\n-----\na.txt=attached\n"
    folder.write("a.mail", data)
    folder.ingest()
    folder.taken()
    folder.write("a.mail", data)
    assert folder.ingest().files["unchanged"] == 2
    assert folder.taken() == []


def test_verify_reads_what_the_time_hides(folder: Folder) -> None:
    path = folder.write("a.zip", packed({"a.txt": "first"}))
    folder.ingest()
    status = path.stat()
    with path.open("r+b") as file:
        file.write(packed({"a.txt": "FIRST"}))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert folder.ingest().files["unchanged"] == 1
    assert folder.ingest(verify=True).files["indexed"] == 1
    assert folder.texts() == {"a.zip!/a.txt": "FIRST"}


def test_another_version_of_a_reader_opens_it_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write("a.zip", packed({"a.mail": "Dear all\n"}))
    folder.ingest()
    folder.taken()
    monkeypatch.setitem(READERS, ".mail", Reader("mail", "2", _mail))
    folder.ingest()
    assert folder.taken() == ["a.zip", "a.mail"]
    monkeypatch.setitem(READERS, ".zip", Reader("zip", "2", _zipped))
    folder.ingest()
    assert folder.taken() == ["a.zip"]


def test_an_archive_that_fails_now_keeps_the_last_good_version(folder: Folder) -> None:
    good = packed({"a.txt": "first", "b.txt": "second", "c.zip": packed({"d.txt": "third"})})
    folder.write("a.zip", good)
    folder.ingest()
    texts = folder.texts()
    folder.write("a.zip", b"damaged")
    report = folder.ingest()
    assert report.files["stale"] == 3
    assert folder.texts() == texts
    assert folder.states()["a.zip"] is State.FAILED
    folder.write("a.zip", packed({"a.txt": "first, changed", "x": BAD, "b.txt": "second"}))
    assert folder.ingest().files["stale"] == 2
    assert folder.texts()["a.zip!/a.txt"] == "first, changed"
    embedded = folder.embedder.embedded
    folder.write("a.zip", good)
    report = folder.ingest()
    assert report.files["stale"] == report.files["failed"] == 0
    assert folder.texts() == texts
    assert set(folder.states().values()) == {State.INDEXED}
    assert folder.embedder.embedded <= embedded + 1


def test_a_sidecar_that_cannot_be_read_loses_nothing(folder: Folder) -> None:
    folder.write("a.zip", packed({"a.txt": "first"}))
    folder.write("a.zip.meta.toml", "team = 'blue'")
    folder.ingest()
    assert folder.sources()["a.zip!/a.txt"].sidecar == (("team", "blue"),)
    folder.write("a.zip.meta.toml", "team = ")
    assert ingest([folder.path], folder.index, folder.embedder, parser=folder.parser).files["stale"] == 1
    assert folder.texts() == {"a.zip!/a.txt": "first"}
    folder.write("a.zip.meta.toml", "team = 'green'")
    folder.ingest()
    assert folder.states() == {"a.zip!/a.txt": State.INDEXED}
    assert folder.sources()["a.zip!/a.txt"].sidecar == (("team", "green"),)


def test_an_interrupted_archive_is_read_again(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    from rag import intake

    monkeypatch.setattr(intake, "BATCH_TOKENS", 1)  # a commit after each file

    class Interrupted(Counting):
        def parse(self, reader: Reader, data: bytes, path: str) -> Parsed:
            if path.endswith("c.txt"):
                raise KeyboardInterrupt
            return super().parse(reader, data, path)

    mail = "Dear\n-----\nb.txt=attached\nc.txt=also\n"
    folder.write("a.zip", packed({"a.txt": "first", "b.mail": mail, "d.txt": "last"}))
    folder.write("copy.mail", mail)
    with pytest.raises(KeyboardInterrupt):
        ingest([folder.path], folder.index, folder.embedder, parser=Interrupted())
    assert "a.zip!/a.txt" in folder.states()
    assert "a.zip!/d.txt" not in folder.states()
    with pytest.raises(KeyboardInterrupt):  # the copy is not taken for one without files in it
        ingest([folder.path / "copy.mail"], folder.index, folder.embedder, parser=Interrupted())
    embedded = folder.embedder.embedded
    folder.ingest()
    assert folder.embedder.embedded - embedded <= 4
    assert set(folder.states()) == {
        *("a.zip!/a.txt", "a.zip!/b.mail", "a.zip!/b.mail!/b.txt", "a.zip!/b.mail!/c.txt", "a.zip!/d.txt"),
        *("copy.mail", "copy.mail!/b.txt", "copy.mail!/c.txt"),
    }


# ---------------------------------------------------------------- copies


def test_the_same_bytes_inside_and_outside_are_one_document(folder: Folder) -> None:
    folder.write("a.zip", packed({"a.txt": "the same text", "b.txt": "the same text"}))
    folder.write("c.txt", "the same text")
    report = folder.ingest()
    assert report.chunks_total == 1
    assert folder.states() == {
        "a.zip!/a.txt": State.INDEXED,
        "a.zip!/b.txt": State.DUPLICATE,
        "c.txt": State.DUPLICATE,
    }
    (folder.path / "a.zip").unlink()
    folder.ingest()
    assert folder.texts() == {"c.txt": "the same text"}


def test_what_is_taken_out_of_an_archive_is_not_embedded_again(folder: Folder) -> None:
    folder.write("b.zip", packed({"a.txt": "a text"}))
    folder.ingest()
    (folder.path / "b.zip").unlink()
    folder.write("a.txt", "a text")
    folder.ingest()
    assert folder.states() == {"a.txt": State.INDEXED}
    assert folder.embedder.embedded == 1


def test_a_renamed_archive_embeds_nothing_and_keeps_what_was_said_of_it(folder: Folder) -> None:
    path = folder.write("b.zip", packed({"a.txt": "a text", "b.mail": "Dear\n-----\nc.txt=attached\n"}))
    ingest([folder.path], folder.index, folder.embedder, parser=folder.parser, meta=["team=blue"])
    path.rename(folder.path / "a.zip")
    report = folder.ingest()
    assert (report.files["indexed"], report.files["removed"]) == (3, 3)
    assert folder.embedder.embedded == 3
    assert {each.given for each in folder.sources().values()} == {(("team", "blue"),)}


def test_a_copy_of_a_mail_has_what_is_attached_too(folder: Folder) -> None:
    data = "Dear all\n-----\na.txt=attached\n"
    folder.write("a.mail", data)
    folder.write("b.mail", data)
    report = folder.ingest()
    assert set(folder.texts()) == {"a.mail", "a.mail!/a.txt", "b.mail", "b.mail!/a.txt"}
    assert report.files["duplicate"] == 2
    folder.write("c.mail", data)
    folder.ingest()
    assert "c.mail!/a.txt" in folder.texts()


# ---------------------------------------------------------------- limits


def test_files_that_lie_too_deep_are_named(folder: Folder) -> None:
    data: bytes = packed({"deepest.txt": "found"})
    for name in ("d.zip", "c.zip", "b.zip"):
        data = packed({name: data})
    folder.write("a.zip", data)
    folder.ingest()
    assert folder.texts() == {"a.zip!/b.zip!/c.zip!/d.zip!/deepest.txt": "found"}
    folder.write("a.zip", packed({"z.zip": data}))
    folder.ingest()
    assert folder.states() == {"a.zip!/z.zip!/b.zip!/c.zip!/d.zip": State.TOO_LARGE}
    assert "4 deep" in folder.sources()["a.zip!/z.zip!/b.zip!/c.zip!/d.zip"].reason


def test_more_files_than_are_read_are_named_wherever_they_lie(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "FILES", 5)
    inner = packed({f"{n}.txt": f"inner {n}" for n in range(9)})
    folder.write("a.zip", packed({"a.txt": "first", "b.zip": inner, "c.txt": "last"}))
    report = folder.ingest()
    assert folder.states() == {
        "a.zip": State.TOO_LARGE,
        "a.zip!/a.txt": State.INDEXED,
        **{f"a.zip!/b.zip!/{n}.txt": State.INDEXED for n in range(3)},
    }
    assert [problem.reason for problem in report.problems] == [
        "more than 5 files lie within it; the others are not read"
    ]


def test_what_inflates_too_much_is_named(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "BYTES", 1000)
    folder.write("a.zip", packed({"a.txt": "a" * 900, "b.txt": "b" * 200, "c.txt": "c"}))
    folder.ingest()
    assert folder.states() == {"a.zip": State.TOO_LARGE, "a.zip!/a.txt": State.INDEXED}
    assert "more than 0 MiB" in folder.sources()["a.zip"].reason


def test_what_inflates_to_many_times_its_size_is_named(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(members, "RATIO_FROM", 1000)
    folder.write("a.zip", packed({"a.txt": "a" * 900, "b.txt": "b" * 90_000, "c.txt": "c"}))
    folder.ingest()
    assert folder.states() == {"a.zip": State.TOO_LARGE, "a.zip!/a.txt": State.INDEXED}
    assert "more than 200 times" in folder.sources()["a.zip"].reason


# ---------------------------------------------------------------- names

HOSTILE = [
    ("/etc/passwd.txt", "etc/passwd.txt"),
    ("../../up.txt", "up.txt"),
    ("a/./b//c.txt", "a/b/c.txt"),
    ("a\\..\\b.txt", "a/b.txt"),
    ("C:\\temp\\c.txt", "C:/temp/c.txt"),
    ("line\nbreak\r.txt", "line\ufffdbreak\ufffd.txt"),
    ("nul\0.txt", "nul\ufffd.txt"),
    ("esc\x1b[2J.txt", "esc\ufffd[2J.txt"),
    ("bad\udcff\ud800.txt", "bad\ufffd\ufffd.txt"),
    ("水泵.txt", "水泵.txt"),
    ("مضخة.txt", "مضخة.txt"),
    ("", "unnamed"),
    ("..", "unnamed (2)"),
    ("same.txt", "same.txt"),
    ("same.txt", "same (2).txt"),
    ("same (2).txt", "same (2) (2).txt"),
    ("x!/y.txt", "x!/y.txt"),
]


def test_names_are_made_such_that_they_can_be_stored_shown_and_told_apart() -> None:
    names = members.Names()
    assert [names.given(name) for name, _ in HOSTILE] == [expected for _, expected in HOSTILE]
    long = names.given("x" * 65_536 + ".txt")
    assert len(long) <= members.LONGEST
    assert long.endswith(".txt")
    assert names.given("x" * 65_537 + ".txt") != long
    assert len(names.given("a/" * 30_000 + ".txt")) <= members.LONGEST


def test_ten_thousand_equal_names_are_told_apart_quickly() -> None:
    names = members.Names()
    assert len({names.given("same.txt") for _ in range(10_000)}) == 10_000


def test_files_with_hostile_names_are_indexed(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(data: bytes, path: str) -> Content:
        return Content("", members=[Member(name, f"text {n}".encode()) for n, (name, _) in enumerate(HOSTILE)])

    monkeypatch.setitem(READERS, ".zip", Reader("zip", "1", parse))
    folder.write("a.zip", b"x")
    folder.ingest()
    assert folder.texts() == {f"a.zip!/{name}": f"text {n}" for n, (_, name) in enumerate(HOSTILE)}


def test_a_folder_whose_name_ends_as_a_way_into_a_file_is_a_folder(folder: Folder) -> None:
    folder.write("x!/a.txt", "in a folder")
    folder.write("x!/b.zip", packed({"c.txt": "in an archive", "d!/e.txt": "deeper"}))
    folder.ingest()
    assert set(folder.texts()) == {"x!/a.txt", "x!/b.zip!/c.txt", "x!/b.zip!/d!/e.txt"}
    folder.write("x!/b.zip", packed({"c.txt": "in an archive"}))
    folder.ingest()
    assert set(folder.texts()) == {"x!/a.txt", "x!/b.zip!/c.txt"}


def test_a_folder_that_cannot_be_told_from_what_lies_in_an_archive_is_named(folder: Folder) -> None:
    folder.write("a.zip", packed({"b.txt": "within"}))
    folder.write("a.zip!/b.txt", "beside")
    for _ in range(2):
        ingest([folder.path], folder.index, folder.embedder, parser=folder.parser)
    assert folder.states() == {"a.zip": State.FAILED, "a.zip!/b.txt": State.INDEXED}
    assert folder.sources()["a.zip"].fix == "rename that folder"


def test_no_name_in_an_archive_leads_into_another_file_of_it(folder: Folder) -> None:
    folder.write("a.zip", packed({"b.zip": packed({"c.txt": "in b.zip"}), "b.zip!/c.txt": "in a folder"}))
    folder.ingest()
    assert folder.texts() == {"a.zip!/b.zip!/c.txt": "in b.zip", "a.zip!/b.zip!_/c.txt": "in a folder"}


def test_names_too_long_for_a_file_system_end_no_run(folder: Folder) -> None:
    longest = f"{'a' * 251}.zip"
    folder.write(longest, packed({"b.txt": "within"}))
    deep = packed({f"{'长' * 380}.txt": "deep"})
    for _ in range(3):
        deep = packed({f"{'深' * 380}.zip": deep})
    folder.write("deep.zip", deep)
    folder.ingest()
    assert sorted(folder.texts().values()) == ["deep", "within"]
    folder.write("deep.zip", deep[:100])
    folder.ingest()
    assert sorted(folder.texts().values()) == ["deep", "within"]


def test_paths_of_the_index_are_listed(folder: Folder) -> None:
    listed: Sequence[str] = list(members.containers("/docs/a.zip!/b.zip!/c.txt"))
    assert listed == ["/docs/a.zip", "/docs/a.zip!/b.zip"]
    assert list(members.containers("/docs/c.txt")) == []


# ---------------------------------------------------------------- by the command line


@pytest.fixture
def archived(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Commands in a folder with an archive and a mail in docs/, ingested; what they print."""
    from typer.testing import CliRunner

    from rag.cli.app import app

    monkeypatch.setattr("rag.cli.parts.fetch", lambda name: None)
    monkeypatch.setattr("rag.models.load.load_embedder", lambda name, **_: HashEmbedder())
    monkeypatch.setattr("rag.models.load.load_reader", lambda **_: OverlapReader())
    monkeypatch.setattr("rag.pipeline.Sandbox", lambda **_: nullcontext(folder.parser))
    monkeypatch.chdir(folder.path.parent)
    folder.write("a.zip", packed({"b.txt": "Oil the pump.", "sub/c.txt": "Grease the valve."}))
    folder.write("d.mail", "Dear all\n-----\ne.txt=Paint the door.\n")
    folder.write("f.txt", "beside")

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, [*arguments, "--index", "index"])
        assert result.exit_code == 0, result.output
        return result.stdout

    run("ingest", "docs")
    folder.taken()
    return run


ALL = ["docs/a.zip!/b.txt", "docs/a.zip!/sub/c.txt", "docs/d.mail", "docs/d.mail!/e.txt", "docs/f.txt"]


def listed(run: Callable[..., str], *names: str) -> list[str]:
    return [row["source"] for row in json.loads(run("ls", *names, "--json"))["sources"]]


def test_what_is_within_a_file_is_listed_shown_and_searched(archived: Callable[..., str]) -> None:
    assert listed(archived) == ALL
    assert listed(archived, "docs/a.zip") == ALL[:2]
    assert listed(archived, "docs/d.mail") == ALL[2:4]
    assert listed(archived, "docs/a.zip!/sub") == ALL[1:2]
    assert listed(archived, "docs/*.txt") == [ALL[0], ALL[1], ALL[3], ALL[4]]
    assert "Oil the pump." in archived("show", "docs/a.zip!/b.txt")
    for where, expected in (
        ("source = docs/a.zip", ALL[:2]),
        ("source = *.zip!/*", ALL[:2]),
        (f"source = {ALL[1]}", ALL[1:2]),
        ("source = d.mail", ALL[2:4]),
        ("source = b.txt", ALL[:1]),
        ("format = text", [ALL[0], ALL[1], *ALL[3:]]),
        ("format = mail", ALL[2:3]),
    ):
        hits = json.loads(archived("search", "the pump valve door", "--where", where, "--json"))["hits"]
        assert sorted(hit["source"] for hit in hits) == expected, where


def test_what_is_removed_from_the_index_goes_with_what_is_within_it(archived: Callable[..., str]) -> None:
    archived("rm", "docs/a.zip")
    assert listed(archived) == ALL[2:]
    archived("rm", "docs/d.mail")
    assert listed(archived) == ALL[4:]
    archived("ingest", "docs")
    assert listed(archived) == ALL


@pytest.mark.parametrize("name", [ALL[0], ALL[3]])
def test_what_is_removed_from_a_file_comes_back_with_the_next_ingest(
    archived: Callable[..., str], folder: Folder, name: str
) -> None:
    archived("rm", name)
    assert listed(archived) == [each for each in ALL if each != name]
    archived("ingest", "docs")
    assert listed(archived) == ALL
    folder.taken()
    archived("ingest", "docs")
    assert folder.taken() == []
