"""Mailboxes: each mail is a place, with its own files."""

from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Content, Member, Unread
from rag.corpus.readers.mail import mbox
from rag.datatypes import State, place_at

FROM = b"From ann@example.com Tue Oct  1 12:34:56 2024\n"


def mail(subject: str, text: str) -> EmailMessage:
    message = EmailMessage()
    message["Subject"] = subject
    message["From"] = "Ann <ann@example.com>"
    message.set_content(text, cte="8bit")
    return message


def content(data: bytes) -> Content:
    found = READERS[".mbox"].parse(data, "a.mbox")
    assert isinstance(found, Content), found
    return found


def box(*messages: EmailMessage, newline: bytes = b"\n") -> bytes:
    data = b"\n".join(FROM + bytes(message) for message in messages)
    return data.replace(b"\n", newline)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n"])
def test_each_mail_is_a_place(newline: bytes) -> None:
    found = content(box(mail("Pump", "It runs."), mail("", "It stops."), mail("泵", "它在运行。"), newline=newline))
    assert [(page.number, page.label) for page in found.pages] == [
        (1, "message 1: Pump"),
        (2, "message 2"),
        (3, "message 3: 泵"),
    ]
    for number, quote in ((1, "It runs."), (2, "It stops."), (3, "它在运行。")):
        assert place_at(found.pages, found.text.index(quote)).startswith(f"message {number}")
    assert "# message 2\n" in found.text


def test_attachments_are_members_by_the_number_of_their_mail() -> None:
    with_file = mail("Report", "See there.")
    with_file.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    found = content(box(mail("Pump", "It runs."), with_file, with_file))
    expected = [Member("message-0002/a.pdf", b"%PDF"), Member("message-0003/a.pdf", b"%PDF")]
    assert list(found.members) == expected


def test_a_line_of_prose_begins_no_mail() -> None:
    text = "It ran.\n\nFrom the beginning it was so.\n\n>From here on too.\n"
    found = content(FROM + b"Subject: x\n\n" + text.encode())
    assert len(found.pages) == 1
    assert "\nFrom here on too." in found.text


def test_an_encrypted_mail_in_a_mailbox_is_named() -> None:
    data = FROM + b"Subject: x\nContent-Type: multipart/encrypted; boundary=b\n\n--b\n\n1\n--b--\n"
    (member,) = content(data).members
    assert member.name == "message-0001/encrypted"
    assert member.problem
    assert member.problem.state is State.ENCRYPTED


def test_a_damaged_mail_leaves_the_others() -> None:
    bad = FROM + b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 3000
    found = content(box(mail("Pump", "It runs.")) + b"\n" + bad + b"\n" + box(mail("End", "It stops.")))
    assert [page.label for page in found.pages] == ["message 1: Pump", "message 3: End"]
    (member,) = found.members
    assert (member.name, member.problem and member.problem.state) == ("message-0002", State.TOO_LARGE)


def test_what_is_no_mailbox_is_damaged() -> None:
    found = READERS[".mbox"].parse(b"Subject: x\n\nIt runs.\n", "a.mbox")
    assert isinstance(found, Unread)
    assert found.state is State.FAILED


def test_mails_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mbox, "MOST_MAILS", 2)
    found = READERS[".mbox"].parse(box(*[mail("x", "y")] * 3), "a.mbox")
    assert isinstance(found, Unread)
    assert found.state is State.TOO_LARGE


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(categories=("L", "N")), min_size=3, max_size=30), min_size=1, max_size=8))
def test_the_places_cover_the_text_and_each_holds_its_mail(texts: list[str]) -> None:
    found = content(box(*(mail(f"Subject {number}", text) for number, text in enumerate(texts, 1))))
    assert "".join(found.text[page.start : page.end] for page in found.pages) == found.text
    for page, text in zip(found.pages, texts, strict=True):
        assert text in found.text[page.start : page.end]
        assert page.label == f"message {page.number}: Subject {page.number}"


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_behind_the_first_line_are_survived(data: bytes) -> None:
    found = READERS[".mbox"].parse(FROM + data, "a.mbox")
    if isinstance(found, Content):
        assert found.text.encode()
        assert all(member.name for member in found.members)
