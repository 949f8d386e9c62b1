"""Web pages saved as MHTML."""

import pytest

from rag.corpus.readers import READERS, Content, Unread
from rag.datatypes import State

PAGE = """From: <Saved by Blink>
Snapshot-Content-Location: https://example.com/pump
Subject: =?utf-8?Q?Pumpe?=
Date: Tue, 1 Oct 2024 12:34:56 +0000
MIME-Version: 1.0
Content-Type: multipart/related; type="text/html"; boundary="b"{start}

--b
Content-Type: text/html{charset}
Content-ID: <frame-1@mhtml.blink>
Content-Transfer-Encoding: quoted-printable
Content-Location: https://example.com/pump

<html><head><title>Die Pumpe</title></head><body><h1>Pumpe</h1><p>Sie l{umlaut}uft.</p></body></html>
--b
Content-Type: image/png
Content-Transfer-Encoding: base64

AAAA
--b
Content-Type: text/html
Content-ID: <frame-2@mhtml.blink>

<p>Advertisement</p>
--b--
"""


def page(start: str = "", charset: str = "; charset=utf-8", umlaut: str = "=C3=A4") -> bytes:
    return PAGE.format(start=start, charset=charset, umlaut=umlaut).encode()


def content(data: bytes) -> Content:
    found = READERS[".mhtml"].parse(data, "a.mhtml")
    assert isinstance(found, Content), found
    return found


def test_the_page_is_read_as_html() -> None:
    found = content(page())
    assert found.text == "# Pumpe\n\nSie läuft.\n"
    assert (found.title, found.markup) == ("Die Pumpe", "markdown")
    assert found.metadata == (("date", "2024-10-01T12:34:56+00:00"), ("source", "https://example.com/pump"))
    assert list(found.members) == []


@pytest.mark.parametrize(("charset", "umlaut"), [("; charset=iso-8859-1", "=E4"), ("", "=C3=A4")])
def test_its_charset_is_heeded(charset: str, umlaut: str) -> None:
    assert "läuft" in content(page(charset=charset, umlaut=umlaut)).text


def test_the_part_that_the_file_starts_with_is_the_page() -> None:
    assert content(page('; start="<frame-2@mhtml.blink>"')).text == "Advertisement\n"


@pytest.mark.parametrize("data", [b"Subject: x\n\nno page\n", b"<html>", bytes(range(1, 200))])
def test_what_holds_no_page_is_damaged(data: bytes) -> None:
    found = READERS[".mht"].parse(data, "a.mht")
    assert isinstance(found, Unread)
    assert found.state is State.FAILED


@pytest.mark.parametrize("keep", range(0, 700, 50))
def test_a_page_that_is_cut_off_is_survived(keep: int) -> None:
    assert READERS[".mhtml"].parse(page()[:keep], "a.mhtml")
