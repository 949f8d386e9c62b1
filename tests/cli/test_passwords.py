"""Passwords of encrypted files: how they are given, that they open what they belong to and are kept nowhere."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from rag.cli.passwords import asked_passwords
from rag.errors import SettingsError
from rag.settings import MOST_PASSWORDS, Settings
from tests.cli.conftest import Run
from tests.corpus.locked import locked_pdf, locked_zip

CANARY = "cAnArY-päss wörd"
SECRET = "The vault of the lighthouse opens at noon."


@pytest.fixture
def locked(folder: Path) -> Path:
    """The folder with an encrypted PDF, and an archive with an encrypted member."""
    (folder / "docs" / "vault.pdf").write_bytes(locked_pdf(SECRET, CANARY))
    (folder / "docs" / "vault.zip").write_bytes(locked_zip({"inside.txt": b"The buoy is painted red."}, CANARY))
    return folder


def states(rag: Run) -> dict[str, str]:
    import json

    return {row["source"]: row["state"] for row in json.loads(rag("ls", "--json").stdout)["sources"]}


def test_an_encrypted_file_says_what_to_do_and_is_read_once_its_password_is_given(rag: Run, locked: Path) -> None:
    rag("ingest", "docs")
    assert states(rag)["docs/vault.pdf"] == states(rag)["docs/vault.zip!/inside.txt"] == "encrypted"
    told = rag("status", "--problems").stdout
    assert "rag ingest --password" in told
    rag("ingest", "docs", "--password", stdin="wrong\n")
    assert states(rag)["docs/vault.pdf"] == "encrypted"
    rag("ingest", "docs", "--password", stdin=f"wrong\n{CANARY}\n")
    assert states(rag)["docs/vault.pdf"] == states(rag)["docs/vault.zip!/inside.txt"] == "indexed"
    assert SECRET in rag("show", "docs/vault.pdf").stdout
    assert "painted red" in rag("show", "docs/vault.zip!/inside.txt").stdout
    rag("ingest", "docs", "--verify")  # nor is what was read lost without the password
    assert states(rag)["docs/vault.pdf"] == "indexed"
    assert "painted red" in rag("show", "docs/vault.zip!/inside.txt").stdout


def test_trying_again_in_vain_changes_nothing(rag: Run, locked: Path) -> None:
    rag("ingest", "docs", "--password", stdin="wrong\n")
    before = rag("ls", "--json").stdout
    rag("ingest", "docs", "--password", stdin="wrong\n")
    assert rag("ls", "--json").stdout == before


@pytest.mark.parametrize("place", ["file", "environment", "pipe"])
def test_no_password_is_kept_or_shown_anywhere(
    rag: Run, locked: Path, place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    (locked / "docs" / "broken.pdf").write_bytes(locked_pdf("Broken.", "another")[:-200])
    if place == "file":
        (locked / "rag.toml").write_text(f'passwords = ["wrong", "{CANARY}"]', encoding="utf-8")
    if place == "environment":
        monkeypatch.setenv("RAG_PASSWORDS", f"wrong\n{CANARY}")
    flags = ["--password"] if place == "pipe" else []
    said = [
        rag("ingest", "docs", *flags, "--json", stdin=f"{CANARY}\n").output,
        rag("ingest", "docs", *flags, stdin=f"{CANARY}\n").output,
        *(rag(*command).output for command in (["config"], ["config", "--json"], ["status"], ["status", "--problems"])),
        *(rag(*command).output for command in (["ls", "--json"], ["check"], ["search", "vault"])),
        caplog.text,
        repr(Settings.load()),
    ]
    assert SECRET in rag("show", "docs/vault.pdf").stdout
    assert not [text for text in said if CANARY in text]
    files = [path for path in (locked / "indexes").rglob("*") if path.is_file()]
    assert files
    needles = [CANARY.encode(encoding) for encoding in ("utf-8", "utf-16-le", "latin-1")]
    assert not [path for path in files if any(needle in path.read_bytes() for needle in needles)]


def test_config_says_how_many_passwords_there_are(rag: Run, folder: Path) -> None:
    assert "not shown" not in rag("config").stdout
    (folder / "rag.toml").write_text('passwords = ["one", "two"]', encoding="utf-8")
    assert "2 (not shown)" in rag("config").stdout


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (f'passwords = "{CANARY}\\u0000"', "has one with a line break in it"),
        (f'passwords = ["{CANARY}\\n"]', "has one with a line break in it"),
        (f'passwords = ["{CANARY}", 3]', "is not a list of texts"),
        (f'passwords = {{ mine = "{CANARY}" }}', "is not a list of texts"),
        (f"passwords = {['x' * 3] * (MOST_PASSWORDS + 1)}", "at most 100 are tried"),
        (f'password = "{CANARY}"', "did you mean passwords?"),
    ],
)
def test_a_mistake_in_the_file_is_named_without_the_password(rag: Run, folder: Path, line: str, complaint: str) -> None:
    (folder / "rag.toml").write_text(line, encoding="utf-8")
    result = rag("config", code=1)
    assert complaint in result.stderr
    assert CANARY not in result.output


def test_passwords_are_no_setting_to_compare(folder: Path) -> None:
    with pytest.raises(SettingsError, match=r"cannot be set here. Set RAG_PASSWORDS") as caught:
        Settings.load(against=f"passwords = {CANARY}")
    assert CANARY not in str(caught.value)


def test_a_single_text_is_one_password_with_its_spaces(folder: Path) -> None:
    (folder / "rag.toml").write_text('passwords = " a, b "', encoding="utf-8")
    assert Settings.load().passwords == (" a, b ",)
    assert Settings.load(environ={"RAG_PASSWORDS": "one\r\ntwo\n"}).passwords == ("one", "two")


def test_on_a_terminal_passwords_are_typed_unseen_until_an_empty_line(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["one", "two", ""])
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt, stream: next(typed))
    assert asked_passwords() == ["one", "two"]


@pytest.mark.parametrize(
    ("given", "complaint"), [("\n", "was given no password"), ("x\n" * 101, "given 101 passwords")]
)
def test_none_and_too_many_are_refused(rag: Run, folder: Path, given: str, complaint: str) -> None:
    assert complaint in rag("ingest", "docs", "--password", stdin=given, code=1).stderr
