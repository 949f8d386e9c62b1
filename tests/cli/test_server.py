"""`--server`: whom `rag ask` talks to, who is told of it, and who gets the key."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import Result

from tests.models.fake_server import Asked, FakeServer, as_json, chat, fake_server

Run = Callable[..., Result]
QUESTION = "When is the rope of the Badger winch replaced?"
CHAT = "/v1/chat/completions"


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with fake_server() as fake:
        fake.replies[CHAT] = chat("The rope is replaced ", "every 18 months [1].")
        yield fake


def keys(asked: list[Asked]) -> set[str | None]:
    return {each.headers.get("Authorization") for each in asked}


def test_an_answer_comes_from_the_server_that_a_flag_names(
    indexed: Run, server: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAG_API_KEY", "sk-secret\n")
    monkeypatch.setenv("RAG_MAX_TOKENS", "77")
    monkeypatch.setenv("RAG_SEED", "5")
    result = indexed("ask", QUESTION, "--server", server.url, "--generator", "tiny", "--json")
    answer = json.loads(result.stdout)
    assert (answer["mode"], answer["model"]) == ("prose", "tiny")
    assert answer["text"].startswith("The rope is replaced every 18 months")
    body = server.asked_for(CHAT)[0].body
    assert (body["max_tokens"], body["temperature"], body["seed"]) == (77, 0.0, 5)
    assert answer["prompt"] == "\n\n".join(f"{each['role']}: {each['content']}" for each in body["messages"])
    assert keys(server.asked) == {"Bearer sk-secret"}
    assert "secret" not in result.output
    assert "sent to" not in result.stderr


def test_a_server_that_a_file_names_is_announced_first_and_gets_no_key(
    indexed: Run, server: FakeServer, folder: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAG_API_KEY", "sk-secret")
    (folder / "rag.toml").write_text(f'server = "{server.url}"\ngenerator = "nothing"\n', encoding="utf-8")
    result = indexed("ask", QUESTION, code=1)
    first, second = result.stderr.splitlines()
    assert f"sent to {server.url}, named in {folder / 'rag.toml'}; RAG_API_KEY is not" in first
    assert "has no model 'nothing'; it has tiny" in second
    assert keys(server.asked) == {None}


def test_quotes_are_composed_without_the_server(indexed: Run, server: FakeServer) -> None:
    indexed("ask", QUESTION, "--server", server.url, "--answer", "quotes")
    assert not server.asked


def test_a_server_that_fails_is_one_line(indexed: Run, server: FakeServer) -> None:
    server.replies[CHAT] = as_json({"error": {"message": "no \x1b[31mmemory"}}, 400)
    result = indexed("ask", QUESTION, "--server", server.url, "--generator", "tiny", code=1)
    assert result.stderr.startswith(f"rag: error: {server.url} refuses the request (400): no ")
    assert "\x1b" not in result.output


@pytest.mark.parametrize(
    "line", ['api_key = "sk-secret"', 'API_KEY = "sk-secret"', 'server = "http://me:sk-secret@h:x/v1"']
)
def test_a_key_in_a_file_is_refused_without_repeating_it(rag: Run, folder: Path, line: str) -> None:
    (folder / "rag.toml").write_text(line, encoding="utf-8")
    result = rag("config", code=1)
    assert "RAG_API_KEY" in result.stderr
    assert "secret" not in result.output
