"""The opener of packages: bounds on what inflates, no entity, no network, damage as a state."""

import io
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Content, Unread
from rag.corpus.readers.office import package
from rag.corpus.readers.office.package import Package, PackageProblem, converted_package, iterparse, parse_xml
from rag.corpus.readers.signature import OLE
from rag.datatypes import State
from tests.corpus.packed import packed, unread

PACKED = [".docx", ".pptx", ".xlsx", ".odt", ".epub"]


def test_the_reason_says_what_is_wrong_with_a_package_in_words() -> None:
    points = "<Relationship Id='r' Type='x/officeDocument' Target='word/document.xml'/>"
    related = (
        f"<Relationships xmlns='http://schemas.openxmlformats.org/package/2006/relationships'>{points}</Relationships>"
    )
    assert unread(packed({"a": ""}), ".docx").reason == "damaged DOCX: its main part is missing"
    assert unread(packed({"_rels/.rels": related}), ".docx").reason == "damaged DOCX: word/document.xml is missing"
    other = {"_rels/.rels": related, "word/document.xml": "<a/>"}
    assert unread(packed(other), ".docx").reason == "damaged DOCX: its parts do not fit together"


def test_parts_are_found_whatever_their_case_or_slashes() -> None:
    opened = Package(packed({"Word\\Document.xml": "<a/>"}))
    assert "word/document.xml" in opened
    assert "/word/DOCUMENT.xml" in opened
    assert opened.xml("word/document.xml").tag == "a"
    assert "other" not in opened


def test_what_inflates_is_counted_over_all_parts_and_readings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_BYTES", 250_000)
    opened = Package(packed({"a": b"x" * 100_000}))
    opened.read("a")
    opened.read("a")
    with pytest.raises(PackageProblem, match="unpacks to more than"):
        opened.read("a")


def test_a_bomb_is_too_large_and_is_not_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_BYTES", 2**20)
    bomb = packed({"content.xml": b" " * 64 * 2**20})
    assert len(bomb) < 100_000
    outcome = converted_package(bomb, "ZIP", lambda opened: Content(str(opened.xml("content.xml"))))
    assert isinstance(outcome, Unread)
    assert outcome.state is State.TOO_LARGE


def test_a_header_that_claims_less_than_there_is_is_damage() -> None:
    data = bytearray(packed({"a": b"x" * 1000}))
    at = data.index(b"PK\x01\x02") + 24
    data[at : at + 4] = (10).to_bytes(4, "little")
    outcome = converted_package(bytes(data), "ZIP", lambda opened: Content(opened.read("a").decode()))
    assert isinstance(outcome, Unread)
    assert outcome.state is State.FAILED


def test_a_part_that_is_larger_than_a_tree_may_be_is_refused() -> None:
    with pytest.raises(PackageProblem, match="part of more than"):
        Package(packed({"a": b"x" * (2**20 + 1)})).read("a", 2**20)


def test_too_many_parts_are_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package, "MOST_ENTRIES", 3)
    assert unread(packed({str(number): "" for number in range(4)}), ".docx").state is State.TOO_LARGE


@pytest.mark.parametrize("suffix", PACKED)
def test_packed_parts_with_a_password_are_encrypted(suffix: str) -> None:
    names = {".docx": "_rels/.rels", ".pptx": "_rels/.rels", ".xlsx": "_rels/.rels", ".odt": "content.xml"}
    data = bytearray(packed({names.get(suffix, "META-INF/container.xml"): "<a/>"}))
    for mark, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + offset] |= 1
    assert unread(bytes(data), suffix).state is State.ENCRYPTED


@pytest.mark.parametrize("suffix", [".docx", ".pptx", ".xlsx", ".xlsb"])
def test_an_ole_container_is_encrypted_or_an_old_file(suffix: str) -> None:
    encrypted = unread(OLE + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), suffix)
    assert (encrypted.state, bool(encrypted.fix)) == (State.ENCRYPTED, True)
    assert unread(OLE + b"\0" * 600, suffix).state is State.UNSUPPORTED


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_parts_that_are_packed_as_no_office_program_does_are_not_inflated(method: int) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("a", "text")
    with pytest.raises(zipfile.BadZipFile, match="packed by method"):
        Package(stream.getvalue()).read("a")


def test_entities_are_not_expanded_and_nothing_outside_is_read(tmp_path_factory: pytest.TempPathFactory) -> None:
    secret = tmp_path_factory.mktemp("outside") / "secret.txt"
    secret.write_text("SECRET")
    text = f'<!DOCTYPE a [<!ENTITY x SYSTEM "{secret.as_uri()}"><!ENTITY y "yyyy">]><a>&x;&y;</a>'
    assert "SECRET" not in "".join(each.text or "" for each in parse_xml(text.encode()).iter())
    found = list(iterparse(io.BytesIO(text.encode()), "a"))
    assert "SECRET" not in "".join(each.text or "" for each in found)


def test_a_thousand_million_laughs_are_no_text() -> None:
    entities = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    bomb = f'<!DOCTYPE a [<!ENTITY l0 "ha">{entities}]><a b="&l9;">&l9;</a>'
    outcome = converted_package(packed({"a": bomb}), "ZIP", lambda opened: Content("".join(opened.xml("a").itertext())))
    assert not isinstance(outcome, Content) or len(outcome.text) < 1000


@pytest.mark.parametrize("suffix", PACKED)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_an_archive_of_anything_ends_in_a_state(suffix: str, data: st.DataObject) -> None:
    names = ("_rels/.rels", "content.xml", "word/document.xml", "META-INF/container.xml", "xl/workbook.xml", "a")
    text = st.one_of(st.binary(max_size=50), st.sampled_from([b"<a/>", b"<a", b"<a><b c='d'/></a>"]))
    parts = data.draw(st.dictionaries(st.sampled_from(names), text, max_size=4))
    assert READERS[suffix].read(packed({**parts}), f"a{suffix}")
