"""Personal data that is taken out at ingest is nowhere afterwards: not in the index, a log, a prompt or an answer."""

import logging
from pathlib import Path

import pytest

from rag import Generator, Index, Retriever, ask, ingest
from rag.corpus.parsing import InProcess
from rag.corpus.readers import Parsed, Reader, Unread
from rag.corpus.redaction import KINDS, Redactor
from rag.datatypes import State
from rag.errors import IndexDamaged, IndexMismatch, SettingsError
from rag.models.canned import CannedModel
from rag.models.fakes import HashEmbedder, OverlapReader

CANARIES = ["canary.jones@example.org", "13812345678", "4111 1111 1111 1111", "DE89370400440532013000"]
TEXT = (
    "---\nauthor: canary.jones@example.org\n---\n# The winch\n\nWrite to canary.jones@example.org or ring 13812345678. "
)
TEXT += "Pay by 4111 1111 1111 1111 or to DE89370400440532013000.\n\nThe rope is replaced every 18 months.\n"


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "winch.md").write_text(TEXT, encoding="utf-8")
    (folder / "mail.eml").write_text(
        f"From: canary.jones@example.org\nTo: b@example.org\nSubject: Rope for 13812345678\n\n{TEXT}", encoding="utf-8"
    )
    return folder


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_nothing_of_it_is_in_the_index_a_log_or_a_prompt(
    docs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    index = tmp_path / "index"
    report = ingest([docs], index, HashEmbedder(), redact=["all"])
    assert report.redacted == 18
    model = CannedModel({"": "The rope is replaced every 18 months."})
    with Index.open(index) as opened:
        retriever = Retriever(opened, HashEmbedder())
        answers = [
            ask(question, retriever, Generator(OverlapReader(), model, mode=mode))
            for question in ("When is the rope replaced?", "Whom does one write to?")
            for mode in ("quotes", "prose")
        ]
        shown = "".join(opened.document(each.document).text for each in opened.all_sources() if each.document)
        assert opened.status().redact == "card,email,iban,id,phone"
    kept = everything(index)
    said = "".join(map(repr, answers)) + caplog.text + repr(report) + shown
    for canary in CANARIES:
        for form in (canary, canary.replace(" ", ""), canary.upper()):
            assert form.encode() not in kept
            assert form.encode("utf-16-le") not in kept
            assert form not in said
    assert "Write to [email] or ring [phone]. Pay by [card] or to [iban]." in shown
    assert any("18 months" in answer.text for answer in answers)


def test_citations_are_exact_in_what_is_kept(docs: Path, tmp_path: Path) -> None:
    ingest([docs / "winch.md"], tmp_path / "index", HashEmbedder(), redact=["email"])
    with Index.open(tmp_path / "index") as opened:
        answer = ask("When is the rope replaced?", Retriever(opened, HashEmbedder()), Generator(OverlapReader()))
        assert answer.citations
        for citation in answer.citations:
            assert opened.document(citation.document).text[citation.start : citation.end] == citation.quote


def test_an_index_keeps_to_what_it_was_made_with(docs: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    ingest([docs], index, HashEmbedder(), redact=["email", "phone"])
    again = ingest([docs], index, HashEmbedder())
    assert again.files["unchanged"] == 2
    (docs / "new.txt").write_text("Ask canary.jones@example.org.", encoding="utf-8")
    assert ingest([docs], index, HashEmbedder()).redacted == 1
    assert ingest([docs], index, HashEmbedder(), rebuild=True).files["unchanged"] == 3
    assert b"canary.jones" not in everything(index)
    for other in (["none"], ["email"]):
        for rebuild in (False, True):
            with pytest.raises(IndexMismatch, match=r"built with redact = email,phone, but .*another one: rag ingest"):
                ingest([docs], index, HashEmbedder(), redact=other, rebuild=rebuild)
    plain = tmp_path / "plain"
    ingest([docs], plain, HashEmbedder())
    with pytest.raises(IndexMismatch, match="built with redact = none, but card is selected"):
        ingest([docs], plain, HashEmbedder(), redact=["card"])


def test_an_unknown_kind_is_refused_before_anything_is_made(docs: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="redact = 'face' is no kind"):
        ingest([docs], tmp_path / "index", HashEmbedder(), redact=["face"])
    assert not (tmp_path / "index").exists()


def test_a_file_that_is_another_format_than_its_suffix_says_is_read_as_what_it_is(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "report.doc"
    page.parent.mkdir()
    page.write_text("<!DOCTYPE html><html><body><h1>Report</h1><p>The rope is new.</p></body></html>", encoding="utf-8")
    ingest([page], tmp_path / "index", HashEmbedder())
    with Index.open(tmp_path / "index") as opened:
        (source,) = opened.all_sources()
        assert source.state is State.INDEXED
        assert "The rope is new." in opened.document(source.document or "").text


def test_nothing_of_it_is_in_the_name_of_a_mail_that_is_attached(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "outer.eml").write_text(
        "From: a\nSubject: b\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=X\n\n--X\n"
        "Content-Type: message/rfc822\n\nFrom: c\nSubject: from canary.jones@example.org\n\nhello\n--X--\n"
    )
    ingest([tmp_path / "docs"], tmp_path / "index", HashEmbedder(), redact=["all"])
    with Index.open(tmp_path / "index") as opened:
        assert [source.path for source in opened.all_sources()] == ["outer.eml", "outer.eml!/from [email].eml"]
    assert b"canary.jones" not in everything(tmp_path / "index")


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("report.pdf", "report.pdf"),
        ("jane@example.com", "[email]"),
        ("to/jane@example.org.tar.gz", "to/[email].tar.gz"),
        ("13812345678.MSG", "[phone].MSG"),
    ],
)
def test_a_name_without_personal_data_keeps_its_suffix(name: str, clean: str) -> None:
    assert Redactor(tuple(KINDS)).named(name) == clean


def test_nothing_of_it_is_in_the_reason_why_a_file_is_not_read(docs: Path, tmp_path: Path) -> None:
    class Quoting(InProcess):
        def parse(self, reader: Reader, data: bytes, path: str) -> Parsed:
            return Parsed(Unread(State.FAILED, "damaged at canary.jones@example.org", "mend 13812345678"))

    report = ingest([docs], tmp_path / "index", HashEmbedder(), redact=["all"], parser=Quoting())
    assert {(each.reason, each.fix) for each in report.problems} == {("damaged at [email]", "mend [phone]")}
    assert not any(canary.encode() in everything(tmp_path / "index") for canary in CANARIES)


def test_a_rebuild_of_a_damaged_index_does_not_bring_it_back(docs: Path, tmp_path: Path) -> None:
    index = tmp_path / "index"
    ingest([docs], index, HashEmbedder(), redact=["all"])
    (index / "CURRENT").write_text("damaged")
    ingest([docs], index, HashEmbedder(), rebuild=True)
    assert not any(canary.encode() in everything(index) for canary in CANARIES)
    with Index.open(index) as opened:
        assert opened.manifest.redact == "card,email,iban,id,phone"
        (folder,) = index.glob("gen-*")
    (folder / "index.sqlite").write_bytes(b"damaged")
    ingest([docs], index, HashEmbedder(), rebuild=True)
    assert not any(canary.encode() in everything(index) for canary in CANARIES)
    (folder,) = index.glob("gen-*")
    (folder / "index.sqlite").write_bytes(b"damaged")
    (index / "REDACT").write_text("\ufffd")
    with pytest.raises(IndexDamaged, match="--redact all"):
        ingest([docs], index, HashEmbedder(), rebuild=True)
    (index / "REDACT").unlink()
    (index / "REDACT").mkdir()
    with pytest.raises(IndexDamaged, match="--redact all"):
        ingest([docs], index, HashEmbedder(), rebuild=True)
    (index / "REDACT").rmdir()
    ingest([docs], index, HashEmbedder(), rebuild=True, redact=["all"])
    assert not any(canary.encode() in everything(index) for canary in CANARIES)
