"""Which files are text, and what is left out of them by rule; markup that is kept as it stands."""

import pytest

from rag.corpus.readers import READERS, Unread, reader_for
from rag.datatypes import Document, State
from rag.index.chunking import Chunking
from rag.index.split import split
from rag.models.fakes import HashEmbedder
from rag.text.context import embedded_text


def read(data: bytes | str, path: str) -> Document | Unread:
    reader = reader_for(path)
    assert reader
    return reader.read(data.encode() if isinstance(data, str) else data, path)


def document(data: bytes | str, path: str) -> Document:
    outcome = read(data, path)
    assert isinstance(outcome, Document), outcome
    return outcome


def unread(data: bytes | str, path: str) -> tuple[State, str]:
    outcome = read(data, path)
    assert isinstance(outcome, Unread), outcome
    return outcome.state, outcome.reason


@pytest.mark.parametrize(
    ("path", "markup"),
    [
        ("a.rst", "rst"), ("a.org", "org"), ("a.adoc", "asciidoc"), ("a.tex", "latex"), ("a.py", "code"),
        ("a.yaml", "yaml"), ("a.toml", "ini"), ("a.cfg", "ini"), ("a.json", "json"), ("Dockerfile", "code"),
        ("Makefile", "code"), ("A.CPP", "code"), ("CMakeLists.txt", "code"), ("a.sql", "code"),
        ("a.po", "plain"), ("LICENSE", "plain"), ("a.what", "plain"),
    ],
)  # fmt: skip
def test_text_is_kept_to_the_character_whatever_its_markup(path: str, markup: str) -> None:
    text = "\ta  \r\n\r\n起 锚\rend \n\n"
    found = document(b"\xef\xbb\xbf" + text.encode(), path)
    assert (found.text, found.markup) == (text, markup)


@pytest.mark.parametrize("path", ["a.jpg", "a.mp4", "a.zip", "a.tar.gz", "a.parquet", "a.pyc", "a.woff2", "a.sqlite"])
def test_suffixes_that_are_no_text_have_no_reader_here(path: str) -> None:
    assert path.rpartition(".")[2] in {each[1:] for each in READERS} or reader_for(path) is None


@pytest.mark.parametrize("data", [b"\0\1\2", b"\0?", b"caf\xe9 au lait", b"\x93NUMPY\x01"])
def test_a_suffix_that_nobody_knows_is_text_only_beyond_doubt(data: bytes) -> None:
    assert unread(data, "a.what") == (State.UNSUPPORTED, "no reader for .what")
    assert document("Größe", "a.what").text == "Größe"
    assert document("Größe".encode("utf-16"), "a.what").text == "Größe"


@pytest.mark.parametrize("path", ["prod.env", "a.pem", "a.jks"])
def test_files_of_secrets_are_left_out_by_name(path: str) -> None:
    assert unread("PASSWORD=x", path)[0] is State.SKIPPED


@pytest.mark.parametrize("path", ["id_rsa", "a.txt", "a.key", "a.what"])
def test_private_keys_are_left_out_whatever_their_name(path: str) -> None:
    state, reason = unread("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n", path)
    assert (state, reason) == (State.SKIPPED, "a private key, which is left out")


@pytest.mark.parametrize("path", ["package-lock.json", "web/yarn.lock", "go.sum", "poetry.lock", "pnpm-lock.yaml"])
def test_lock_files_are_left_out(path: str) -> None:
    assert unread("a", path) == (State.SKIPPED, "a lock file, which a package manager wrote")


def test_minified_code_is_left_out() -> None:
    assert unread("a", "jquery.min.js")[0] is State.SKIPPED
    assert unread("a", "app.js.map")[0] is State.SKIPPED
    state, reason = unread("a=1;" * 5000, "a.js")
    assert state is State.SKIPPED
    assert reason.startswith("minified: lines of more than 1000 characters")
    assert document("a=1;\n" * 5000, "a.js").text


def test_a_program_with_the_suffix_of_code_is_told() -> None:
    assert unread(b"\x7fELF\0\0\1", "a.out.c")[0] is State.UNDECODABLE


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (
            "a.rst",
            "Deck\n====\n\n:Author: Mia *Lind*\n:Date: 2024-05-01\n:unknown: x\n",
            {"author": "Mia Lind", "date": "2024-05-01"},
        ),
        ("a.org", "#+TITLE: Deck\n#+Author: Mia\n#+OPTIONS: toc:nil\n", {"title": "Deck", "author": "Mia"}),
        (
            "a.adoc",
            "= Deck\nMia Lind <m@a.org>\n:revdate: 2024\n\n:title: no\n",
            {"author": "Mia Lind", "date": "2024"},
        ),
        (
            "a.tex",
            "\\title{The {\\em Deck}}\n\\author{Mia \\and Ole}\n% \\date{1999}\n",
            {"title": "The Deck", "author": "Mia Ole"},
        ),
        ("a.org", "#+TITLE: Deck\n#+DATE: <2024-05-01 Wed>\n", {"title": "Deck", "date": "2024-05-01"}),
        ("a.adoc", "= Deck\nMia Lind <m@x.org>; Ole <o@x.org>\n", {"author": "Mia Lind"}),
        (
            "a.tex",
            "\\title{The Deck\\thanks{For all.}}\n\\author{Mia\\footnote{Now at sea.} \\and Ole}\n",
            {"title": "The Deck", "author": "Mia Ole"},
        ),
    ],
)
def test_markup_says_who_wrote_it_and_when(path: str, text: str, expected: dict[str, str]) -> None:
    assert dict(document(text, path).metadata) == expected


def test_the_path_of_definitions_is_the_context_of_code() -> None:
    body = "".join(f"        step_{number} = haul(line, {number})\n" for number in range(12))
    text = f"class Winch:\n    def haul(self):\n{body}\n    def slack(self):\n{body}"
    chunks = split(document(text, "a.py"), HashEmbedder(), Chunking())
    assert [chunk.heading for chunk in chunks][-1] == ("class Winch", "def slack")
    assert embedded_text(chunks[-1]).startswith("class Winch › def slack\ndef slack(self):")
    assert "".join("".join(chunk.text.split()) for chunk in chunks) == "".join(text.split())
