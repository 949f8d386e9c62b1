"""Mails that Outlook saved."""

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Content, Member, Unread
from rag.corpus.readers.mail import msg
from rag.corpus.readers.mail.msg_storage import decompressed_rtf
from rag.datatypes import State
from tests.corpus.compound_file import Tree, compound_file

SENT = datetime(2024, 10, 1, 12, 34, 56, tzinfo=UTC)


def text(pid: int, value: str) -> Tree:
    return {f"__substg1.0_{pid:04X}001F": value.encode("utf-16-le")}


def fixed(header: int, **values: int) -> Tree:
    """The stream of properties of a fixed length, by hexadecimal id."""
    rows = (struct.pack("<HHIQ", 0x40, int(pid[1:], 16), 6, value) for pid, value in values.items())
    return {"__properties_version1.0": bytes(header) + b"".join(rows)}


def person(number: int, kind: int, name: str, address: str) -> Tree:
    return {
        f"__recip_version1.0_#{number:08X}": {**text(0x3001, name), **text(0x39FE, address), **fixed(8, p0C15=kind)}
    }


def attachment(number: int, name: str, data: bytes, **more: str) -> Tree:
    streams: Tree = {**text(0x3707, name), "__substg1.0_37010102": data, **fixed(8)}
    for pid, value in more.items():
        streams |= text(int(pid[1:], 16), value)
    return {f"__attach_version1.0_#{number:08X}": streams}


def ticks(moment: datetime) -> int:
    return int((moment - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7


MAIL: Tree = {
    **text(0x1A, "IPM.Note"),
    **text(0x37, "泵 Pump"),
    **text(0x0C1A, "Ann"),
    **text(0x5D01, "ann@example.com"),
    **text(0x1035, "<1@x>"),
    **text(0x1000, "It runs.\r\n\r\n-----Original Message-----\r\nDoes it run?\r\n"),
    **person(0, 1, "Bob", "bob@example.com"),
    **person(1, 2, "li@example.com", "li@example.com"),
    **fixed(32, p0039=ticks(SENT)),
}


def content(tree: Tree) -> Content:
    found = READERS[".msg"].parse(compound_file(tree), "a.msg")
    assert isinstance(found, Content), found
    return found


def unread(data: bytes) -> Unread:
    found = READERS[".msg"].parse(data, "a.msg")
    assert isinstance(found, Unread), found
    return found


def test_a_mail_is_its_subject_its_header_and_its_text() -> None:
    found = content(MAIL)
    assert found.text == (
        "# 泵 Pump\n\nFrom: Ann <ann@example.com>\nTo: Bob <bob@example.com>\nCc: li@example.com\n"
        "Date: 2024-10-01 12:34:56 UTC\nSubject: 泵 Pump\n\n"
        "It runs.\n\n> -----Original Message-----\n> Does it run?\n"
    )
    assert (found.title, found.markup) == ("泵 Pump", "markdown")
    assert found.metadata == (
        ("from", "Ann <ann@example.com>"),
        ("to", "Bob <bob@example.com>"),
        ("date", "2024-10-01T12:34:56+00:00"),
        ("subject", "泵 Pump"),
        ("message-id", "<1@x>"),
    )


def test_who_sends_for_another_is_told() -> None:
    for_another = {**MAIL, **text(0x42, "Chief"), **text(0x5D02, "chief@example.com")}
    assert "From: Ann <ann@example.com> on behalf of Chief <chief@example.com>\n" in content(for_another).text


def test_html_is_read_where_there_is_no_plain_text() -> None:
    html = "<p>Sie läuft.</p><blockquote>Läuft sie?</blockquote>".encode("cp1252")
    tree: Tree = {**text(0x37, "Pumpe"), "__substg1.0_10130102": html, **fixed(32, p3FDE=1252)}
    assert content(tree).text.endswith("Sie läuft.\n\n> Läuft sie?\n")


def test_texts_of_old_mails_are_in_their_code_page() -> None:
    tree: Tree = {"__substg1.0_0037001E": "泵".encode("gbk"), "__substg1.0_1000001E": "它在运行。".encode("gbk")}
    assert content({**tree, **fixed(32, p3FFD=936)}).text == "# 泵\n\nSubject: 泵\n\n它在运行。\n"


def test_what_is_attached_is_a_member() -> None:
    tree = {**MAIL, **attachment(0, "報告.pdf", b"%PDF" * 2000), **attachment(1, "../a.txt", b"x")}
    tree |= attachment(2, "image001.png", b"png", p3712="cid", p370E="image/png")
    tree |= attachment(3, "winmail.dat", b"?")
    found = list(content(tree).members)
    assert found[:2] == [Member("報告.pdf", b"%PDF" * 2000), Member("a.txt", b"x")]
    assert [(member.name, member.problem and member.problem.state) for member in found[2:]] == [
        ("winmail.dat", State.UNSUPPORTED)
    ]


def test_a_mail_in_a_mail_is_text_with_its_files_in_a_folder() -> None:
    inner = {**text(0x37, "Question/1"), **text(0x1000, "Does it run?"), **attachment(0, "b.txt", b"y"), **fixed(24)}
    tree: Tree = {**MAIL, "__attach_version1.0_#00000000": {"__substg1.0_3701000D": inner, **fixed(8)}}
    first, second = content(tree).members
    assert first == Member("Question-1.md", b"# Question/1\n\nSubject: Question/1\n\nDoes it run?\n")
    assert second == Member("Question-1/b.txt", b"y")


def test_an_encrypted_mail_is_named() -> None:
    header = "Content-Type: multipart/encrypted; boundary=b\n\n"
    assert unread(compound_file({**text(0x37, "x"), **text(0x7D, header)})).state is State.ENCRYPTED


def test_a_mail_in_rtf_alone_has_it_as_a_file() -> None:
    # The example of MS-OXRTFCP, 4.1.1.
    packed = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"
    )
    rtf = b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"
    assert decompressed_rtf(packed) == rtf
    assert list(content({**text(0x37, "x"), "__substg1.0_10090102": packed}).members) == [Member("text.rtf", rtf)]
    problem = next(iter(content({**text(0x37, "x"), "__substg1.0_10090102": b"?"}).members)).problem
    assert problem
    assert problem.state is State.FAILED


def test_what_is_no_outlook_mail_is_damaged() -> None:
    assert unread(b"Subject: x\n\nIt runs.\n").state is State.FAILED
    assert unread(compound_file({"WordDocument": b"x"})).state is State.EMPTY


def test_streams_that_claim_more_than_the_file_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = bytearray(compound_file({**MAIL, **attachment(0, "a.bin", b"x" * 5000)}))
    at = data.index("__substg1.0_37010102".encode("utf-16-le"))
    data[at + 120 : at + 128] = struct.pack("<Q", 2**31 - 1)
    assert unread(bytes(data)).state is State.FAILED
    monkeypatch.setattr(msg, "MOST_ENTRIES", 3)
    assert unread(compound_file(MAIL)).state is State.FAILED


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_damage_is_survived(data: st.DataObject) -> None:
    damaged = bytearray(compound_file({**MAIL, **attachment(0, "a.txt", b"x" * 5000)}))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = READERS[".msg"].parse(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), "a.msg")
    if isinstance(found, Content):
        assert found.text.encode()
        assert all(member.name for member in found.members)
