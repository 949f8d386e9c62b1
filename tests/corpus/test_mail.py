"""Mail: what it says, what is quoted in it, what is attached to it."""

import base64
import re
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Content, Member, Unread
from rag.corpus.readers.mail import mail, mime
from rag.corpus.readers.mail.mail_text import html_markdown, plain_markdown
from rag.datatypes import Document, State
from rag.text.markdown import blocks


def content(data: bytes | EmailMessage) -> Content:
    found = READERS[".eml"].parse(data if isinstance(data, bytes) else bytes(data), "a.eml")
    assert isinstance(found, Content), found
    return found


def unread(data: bytes) -> Unread:
    found = READERS[".eml"].parse(data, "a.eml")
    assert isinstance(found, Unread), found
    return found


def members(data: bytes | EmailMessage) -> list[Member]:
    return list(content(data).members)


def written(text: str = "The pump runs.\n", **header: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in {"From": "Ann <ann@example.com>", "Subject": "Pump", **header}.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


# ---------------------------------------------------------------- what it says


def test_a_mail_is_its_subject_its_header_and_its_text() -> None:
    message = written(
        To="Bob <bob@example.com>, li@example.com", Date="Tue, 01 Oct 2024 12:34:56 -0500", Message_ID="<1@x>"
    )
    found = content(message)
    assert found.text == (
        "# Pump\n\nFrom: Ann <ann@example.com>\nTo: Bob <bob@example.com>, li@example.com\n"
        "Date: Tue, 01 Oct 2024 12:34:56 -0500\nSubject: Pump\n\nThe pump runs.\n"
    )
    assert (found.markup, found.title) == ("markdown", "Pump")
    assert found.metadata == (
        ("from", "Ann <ann@example.com>"),
        ("to", "Bob <bob@example.com>"),
        ("to", "li@example.com"),
        ("date", "2024-10-01T12:34:56-05:00"),
        ("subject", "Pump"),
        ("message-id", "<1@x>"),
    )


def test_a_mail_without_subject_has_no_heading() -> None:
    assert content(b"From: ann@example.com\n\nThe pump runs.\n").text == "From: ann@example.com\n\nThe pump runs.\n"


@pytest.mark.parametrize(
    ("date", "iso"),
    [("2025-07-29T12:42:06Z", "2025-07-29T12:42:06+00:00"), ("yesterday", None), ("Tue, 99 Oct 2024 12:34:56", None)],
)
def test_a_date_that_is_none_stays_text(date: str, iso: str | None) -> None:
    found = content(f"Date: {date}\nSubject: x\n\ny\n".encode())
    assert f"Date: {date}" in found.text
    assert dict(found.metadata).get("date") == iso


def test_plain_text_comes_before_html_that_says_the_same() -> None:
    message = written("The pump runs again.\n")
    message.add_alternative("<p>The <b>pump</b> runs again, in colours.</p>", subtype="html")
    assert content(message).text.endswith("\n\nThe pump runs again.\n")


def test_html_comes_before_plain_text_that_only_points_to_it() -> None:
    message = written("See HTML.\n")
    message.add_alternative(f"<p>{'The pump runs again. ' * 5}</p><ul><li>slowly</li></ul>", subtype="html")
    assert "The pump runs again." in content(message).text
    assert "- slowly" in content(message).text
    assert "See HTML" not in content(message).text


def test_headings_of_html_are_below_the_subject() -> None:
    message = written()
    message.set_content("<h1>Part</h1><p>x</p><pre># no heading</pre><h2>Piece</h2>", subtype="html")
    text = content(message).text
    levels = [(block.level, block.title) for block in blocks(text) if block.kind == "heading"]
    assert levels == [(1, "Pump"), (2, "Part"), (3, "Piece")]
    assert "\n# no heading\n" in text


def test_texts_that_follow_each_other_are_all_said() -> None:
    message = written("First.\n")
    message.make_mixed()
    for text in ("Second.\n", "-- \nThe list\n"):
        part = EmailMessage()
        part.set_content(text)
        message.attach(part)
    assert re.search(r"First\.\n\nSecond\.\n\n.*The list\n$", content(message).text, re.DOTALL)


def test_a_text_forges_no_structure() -> None:
    text = content(written("# Not a heading\n\n```\nopen\n\n-----\n")).text
    assert [block.title for block in blocks(text) if block.kind == "heading"] == ["Pump"]
    assert not any(block.kind == "code" for block in blocks(text))


def test_a_subject_with_a_newline_forges_no_header() -> None:
    encoded = base64.b64encode(b"Pump\nFrom: boss@example.com\0").decode()
    found = content(f"Subject: =?utf-8?b?{encoded}?=\nFrom: ann@example.com\n\nx\n".encode())
    assert found.text.startswith("# Pump From: boss@example.com\n\nFrom: ann@example.com\n")


# ---------------------------------------------------------------- replies


def test_quoted_replies_are_block_quotes() -> None:
    text = "Yes.\n\n> Does it run?\n>> Who asks?\n> > Ann.\n>\n> Bye\n\nEnd.\n"
    assert plain_markdown(text) == "Yes.\n\n> Does it run?\n\n> > Who asks?\n> > Ann.\n\n> Bye\n\nEnd.\n"


@pytest.mark.parametrize(
    "begin",
    [
        "-----Original Message-----",
        "From: Bob\nSent: Tuesday, July 15\nTo: Ann\nSubject: Pump",
        "Von: Bob\nGesendet: Dienstag\nAn: Ann",
        "发件人: 李雷\n发送时间: 2024年5月1日\n收件人: 韩梅梅",
        "差出人: 田中\n送信日時: 2024年5月1日",
    ],
)
def test_a_mail_below_the_answer_is_a_block_quote_too(begin: str) -> None:
    text = plain_markdown(f"It runs.\n\n{begin}\n\nDoes it run?\n> Who asks?\n")
    lines = [line for line in text.split("\n") if line]
    assert lines[0] == "It runs."
    assert all(line.startswith("> ") for line in lines[1:])
    assert lines[-2:] == ["> Does it run?", "> > Who asks?"]


def test_prose_that_begins_like_a_header_is_no_reply() -> None:
    assert ">" not in plain_markdown("From: the beginning of time\n\nPeople pumped water.\n")


def test_quotes_of_html_are_block_quotes() -> None:
    html = (
        "<p>Yes.</p><blockquote type=cite><p>Does it<br>run?</p><blockquote>Who?</blockquote></blockquote><p>End.</p>"
    )
    found = html_markdown(html, "a.eml")
    assert isinstance(found, Content)
    assert found.text == "Yes.\n\n> Does it\n> run?\n\n> > Who?\n\nEnd.\n"


def test_flowed_lines_are_joined() -> None:
    text = "The pump \nruns.\n-- \nAnn\n> Does \n> it?\n"
    assert plain_markdown(text, flowed=True).startswith("The pump runs.\n")
    assert "> Does it?\n" in plain_markdown(text, flowed=True)


def test_a_space_that_only_breaks_a_line_goes_where_the_mail_says_so() -> None:
    head = "Subject: s\nContent-Type: text/plain; charset=utf-8; format=flowed; DelSp=yes\n\n"
    body = "港に \nある。\nThe pump  \nruns.\n> 東 \n> 京\n"
    found = READERS[".eml"].read((head + body).encode(), "a.eml")
    assert isinstance(found, Document)
    assert "港にある。\nThe pump runs.\n\n> 東京\n" in found.text


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=("Cs", "Cc"), include_characters="\n> "), max_size=300), st.booleans())
def test_no_word_is_lost_in_marking(text: str, flowed: bool) -> None:
    def words(each: str) -> str:
        return "".join(filter(str.isalnum, each))

    assert words(plain_markdown(text, flowed=flowed)) == words(text)


# ---------------------------------------------------------------- encodings


@pytest.mark.parametrize(
    ("text", "encoding", "declared"),
    [
        ("这台水泵每天运行八个小时，请按时检查压力表和阀门的状态。", "gb18030", "gb2312"),
        ("这台水泵每天运行八个小时，请按时检查压力表和阀门的状态。", "gb18030", "us-ascii"),
        ("这台水泵每天运行八个小时，请按时检查压力表和阀门的状态。", "gb18030", "iso-8859-1"),
        ("このポンプは毎日八時間動きます。圧力計とバルブを確認してください。", "iso2022_jp", "iso-2022-jp"),
        ("تعمل المضخة ثماني ساعات كل يوم ويجب فحص الضغط بانتظام من قبل المشغل", "utf-8", "iso-8859-1"),
        ("Die Pumpe läuft täglich über acht Stunden.", "latin-1", "iso-8859-1"),
        ("Die Pumpe läuft täglich über acht Stunden.", "utf-8", "x-unknown"),
    ],
)
def test_a_text_is_decoded_though_its_charset_is_wrong(text: str, encoding: str, declared: str) -> None:
    header = f"Subject: x\nContent-Type: text/plain; charset={declared}\nContent-Transfer-Encoding: 8bit\n\n"
    assert content(header.encode() + text.encode(encoding)).text.endswith(f"\n\n{text}\n")


def test_a_text_in_no_encoding_is_a_problem_and_no_mojibake() -> None:
    data = b"Subject: x\nContent-Type: text/plain\n\n" + bytes(range(128, 256)) * 3
    found = members(data)
    assert [(member.name, member.problem and member.problem.state) for member in found] == [
        ("text.txt", State.UNDECODABLE)
    ]
    assert content(data).text == "# x\n\nSubject: x\n"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"])
def test_a_mail_that_was_saved_as_unicode_is_read(encoding: str) -> None:
    text = "From: Ann <ann@example.com>\nSubject: Größe\nContent-Type: text/plain; charset=iso-8859-1\n\nMaß für Maß\n"
    found = content(text.encode(encoding))
    assert (found.title, found.text[-12:]) == ("Größe", "Maß für Maß\n")


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"=?utf-8?B?5L2g?= =?UTF-8?q?=E5=A5=BD?=!", "你好!"),
        (b"=?utf-8?B?5L0=?= =?utf-8?B?oA==?=", "你"),
        (b"Re: =?gb2312?B?xOO6ww==?= x", "Re: 你好 x"),
        (b"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "日本"),
        ("Größe".encode(), "Größe"),
        (b"=?utf-8?B?!?= =?x?z?y?=", "=?utf-8?B?!?= =?x?z?y?="),
        (b"=?no-such?Q?a_b?=", "a b"),
    ],
)
def test_headers_are_decoded(raw: bytes, text: str) -> None:
    found = content(b"Subject: " + raw + b"\nFrom: a@b\n\nx\n").title
    assert found == text or (raw.startswith(b"=?utf-8?B?!") and found)


# ---------------------------------------------------------------- attachments


def test_what_is_attached_is_a_member() -> None:
    message = written()
    message.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="報告 é.pdf")
    message.add_attachment("a;b\n", subtype="csv", filename="../x/a.csv")
    message.add_attachment("more\n", filename="a.csv")
    message.add_attachment(b"?", maintype="application", subtype="pdf")
    message.add_attachment(b"png", maintype="image", subtype="png", filename="photo.png")
    assert members(message) == [
        Member("報告 é.pdf", b"%PDF-1.7"),
        Member("a.csv", b"a;b\n"),
        Member("a (2).csv", b"more\n"),
        Member("attachment-4.pdf", b"?"),
        Member("photo.png", b"png"),
    ]
    assert content(message).text.endswith("The pump runs.\n")


def test_a_file_name_in_encoded_words_is_decoded() -> None:
    part = b'Content-Disposition: attachment; filename="=?utf-8?B?5oql5ZGK?=.pdf"\n\nx\n'
    data = b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n--b\n" + part + b"--b--\n"
    assert members(data)[0].name == "报告.pdf"


def test_images_within_the_text_are_left_out() -> None:
    message = written()
    message.add_alternative("<p>The pump runs.<img src='cid:1'></p>", subtype="html")
    html = message.get_payload(1)
    assert isinstance(html, EmailMessage)
    html.add_related(b"png", maintype="image", subtype="png", cid="<1>", filename="image001.png")
    message.add_attachment(b"png", maintype="image", subtype="png", disposition="inline", filename="logo.png")
    assert members(message) == []


def test_a_mail_in_a_mail_is_a_member() -> None:
    message = written()
    message.add_attachment(written("Does it run?\n", Subject="Question/1"))
    (member,) = members(message)
    assert member.name == "Question-1.eml"
    assert content(member.data).text.endswith("Does it run?\n")


@pytest.mark.parametrize(
    ("kind", "name", "state"),
    [
        ("ms-tnef", "winmail.dat", State.UNSUPPORTED),
        ("octet-stream", "WINMAIL.DAT", State.UNSUPPORTED),
        ("octet-stream", "message.rpmsg", State.ENCRYPTED),
        ("pkcs7-mime", "smime.p7m", State.UNSUPPORTED),
    ],
)
def test_containers_of_mail_programs_are_named(kind: str, name: str, state: State) -> None:
    message = written()
    message.add_attachment(b"?", maintype="application", subtype=kind, filename=name)
    problem = members(message)[0].problem
    assert problem
    assert problem.state is state


def test_signatures_and_reports_are_left_out() -> None:
    message = written()
    message.add_attachment(b"?", maintype="application", subtype="pgp-signature", filename="signature.asc")
    message.add_attachment(b"?", maintype="application", subtype="pkcs7-signature", filename="smime.p7s")
    assert members(message) == []


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: multipart/encrypted; boundary=b\n\n--b\nContent-Type: application/pgp-encrypted\n\n1\n--b--\n",
        b"Content-Type: text/plain\n\n-----BEGIN PGP MESSAGE-----\n\nabc\n-----END PGP MESSAGE-----\n",
        b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n"
        b"Content-Transfer-Encoding: base64\n\n"
        + base64.b64encode(b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03rest"),
    ],
)
def test_an_encrypted_mail_is_named(data: bytes) -> None:
    assert unread(b"Subject: x\nFrom: a@b\n" + data).state is State.ENCRYPTED


# ---------------------------------------------------------------- damage and bounds


def test_a_mail_that_says_nothing_is_empty() -> None:
    assert unread(b"X-Mailer: y\n\n\n").state is State.EMPTY


def test_what_is_no_mail_says_why() -> None:
    assert unread(bytes(range(1, 255)) * 3).state is State.UNDECODABLE
    assert content(b"Just a note.\n").text.strip() == "Just a note."


@pytest.mark.parametrize(
    "data",
    [
        b"Subject: x\nContent-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\n" * 5000,
        b"X: y\n" * 30_000,
    ],
)
def test_more_parts_or_headers_than_a_mail_has_are_too_large(data: bytes) -> None:
    assert unread(data).state is State.TOO_LARGE


def test_more_lines_than_a_mail_has_are_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mime, "MOST_LINES", 10)
    assert unread(b"Subject: x\n\n" + b"\n" * 20).state is State.TOO_LARGE


def test_a_text_that_is_no_letter_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "MOST_TEXT", 2**20)
    (member,) = members(b"Subject: x\n\n" + b"x" * (2**20 + 1))
    assert member.problem
    assert member.problem.state is State.TOO_LARGE


def test_parts_within_parts_without_end_are_damaged() -> None:
    parts = (b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (at, at) for at in range(900))
    assert unread(b"Subject: x\n" + b"".join(parts)).state is State.FAILED


@pytest.mark.parametrize(
    "header",
    [
        b"Content-Type: text/plain; charset*=x''y; charset*0*=",
        b'Content-Type: ;;;=;"',
        b"Content-Type: multipart/mixed",
        b"Content-Transfer-Encoding: base64\nContent-Disposition: attachment; filename*=utf-8''%ff%fe",
        b"Content-Type: message/rfc822",
        b"Content-Type: text/html; charset=idna",
        b"To: " + b"(" * 10_000,
        b"Date: Mon, 1 Jan 99999999999 00:00:00 +9999999",
        b"Content-Transfer-Encoding: x-uuencode",
    ],
)
def test_a_malformed_header_is_survived(header: bytes) -> None:
    found = content(b"Subject: x\nFrom: a@b\n" + header + b"\n\nThe pump \xff runs.\n")
    assert found.title == "x"
    assert isinstance(list(found.members), list)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_damage_is_survived(data: st.DataObject) -> None:
    message = written()
    message.add_alternative("<p>The pump</p>", subtype="html")
    message.add_attachment(written("Does it run?\n"))
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="é.pdf")
    damaged = bytearray(bytes(message))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    found = READERS[".eml"].parse(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), "a.eml")
    if isinstance(found, Content):
        assert found.text.encode()
        assert all(member.name.encode() for member in found.members)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20), min_size=1, max_size=10))
def test_each_word_of_a_mail_stands_in_its_text(words: list[str]) -> None:
    message = written(" ".join(words), Subject="x")
    text = content(message).text
    start = text.index(words[0], text.index("Subject: x") + 10)
    for word in words:
        start = text.index(word, start)
        assert text[start : start + len(word)] == word
