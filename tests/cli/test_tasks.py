"""rag summarize, rag compare and questions for all documents, with the library's fakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.cli.conftest import Run

OLD = "# Leave 2023\n\nEmployees have 25 days of paid leave a year.\n\nA bicycle is lent for free.\n"
NEW = "# Leave 2024\n\nEmployees have 27 days of paid leave a year.\n"


def as_json(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def check_quotes(found: dict[str, Any]) -> None:
    assert found["citations"]
    for citation in found["citations"]:
        text = Path(citation["source"]).read_text(encoding="utf-8")
        assert text[citation["start"] : citation["end"]] == citation["quote"]


def with_editions(rag: Run, folder: Path) -> Run:
    for name, text in {"leave-2023.md": OLD, "leave-2024.md": NEW}.items():
        (folder / "docs" / name).write_text(text, encoding="utf-8")
    (folder / "docs" / "blank.txt").write_text("")
    rag("ingest", "docs")
    return rag


def test_a_summary_is_cited_and_says_how_much_was_read(indexed: Run) -> None:
    result = indexed("summarize", "docs/winch.txt", "--sentences", "1")
    assert "replaced every 18 months. [1]" in result.stdout
    assert "open one: rag show docs/winch.txt:0-" in result.stdout
    assert "1 of 2 sentences, rows and items; documents cited: 1 of 1." in result.stdout
    assert "confidence" not in result.stdout


def test_a_folder_is_summarised_as_json_with_the_fields_of_an_answer(indexed: Run) -> None:
    found = as_json(indexed("summarize", "docs", "--json", "--answer", "quotes"))
    asked = as_json(indexed("ask", "When is the rope replaced?", "--json", "--answer", "quotes"))
    assert set(found) == set(asked)
    assert (found["question"], found["confidence"], found["hits"], found["mode"]) == (None, None, [], "quotes")
    assert len(found["sentences"]) == 5
    check_quotes(found)


def test_a_summary_in_prose_stands_on_the_document(indexed: Run) -> None:
    found = as_json(indexed("summarize", "docs/winch.txt", "--json", "--answer", "prose"))
    assert (found["mode"], found["model"], found["text"]) == ("prose", "canned", "It is 18 months.")
    assert "18 months" in found["citations"][0]["quote"]
    assert "1 written from 2 sentences" in found["completeness"]
    check_quotes(found)


def test_a_file_that_gave_no_text_is_said_to_be_left_out(rag: Run, folder: Path) -> None:
    rag = with_editions(rag, folder)
    result = rag("summarize", "docs/blank.txt", "docs/winch.txt")
    assert "docs/blank.txt gave no text (empty) and is left out" in result.stderr
    assert "none of these files gave a text" in rag("summarize", "docs/blank.txt", code=1).stderr
    assert "'nosuch.txt' is not in the index" in rag("summarize", "nosuch.txt", code=1).stderr


def test_a_comparison_names_what_differs_and_cites_both(rag: Run, folder: Path) -> None:
    rag = with_editions(rag, folder)
    result = rag("compare", "docs/leave-2023.md", "docs/leave-2024.md")
    assert "differs: 1" in result.stdout
    assert "25 days / 27 days" in result.stdout
    assert "said by one alone: 1" in result.stdout
    found = as_json(rag("compare", "docs/leave-2023.md", "docs/leave-2024.md", "--json"))
    asked = as_json(rag("ask", "When is the rope replaced?", "--json", "--answer", "quotes"))
    assert set(found) == {*asked, "documents", "lines"}
    assert found["documents"] == ["docs/leave-2023.md", "docs/leave-2024.md"]
    assert [line["kind"] for line in found["lines"]] == ["differs", "only"]
    first = found["lines"][0]
    assert (first["by"], first["quantities"], first["citations"]) == (
        ["number"],
        [["25 days"], ["27 days"]],
        [[1], [2]],
    )
    check_quotes(found)


def test_the_last_argument_may_be_a_question(rag: Run, folder: Path) -> None:
    rag = with_editions(rag, folder)
    found = as_json(rag("compare", "docs/leave-2023.md", "docs/leave-2024.md", "What is lent for free?", "--json"))
    assert found["question"] == "What is lent for free?"
    assert any("bicycle" in text for line in found["lines"] for texts in line["texts"] for text in texts)


@pytest.mark.parametrize("question", ["自行车的租金是3.5元吗？", "租金是每天/每月多少？"])
def test_a_question_without_spaces_is_one(rag: Run, folder: Path, question: str) -> None:
    rag = with_editions(rag, folder)
    found = as_json(rag("compare", "docs/leave-2023.md", "docs/leave-2024.md", question, "--json"))
    assert found["question"] == question


def test_a_question_may_be_longer_than_any_name_of_a_file(rag: Run, folder: Path) -> None:
    rag = with_editions(rag, folder)
    question = f"{'Please do tell me: ' * 20}What is lent for free?"
    found = as_json(rag("compare", "docs/leave-2023.md", "docs/leave-2024.md", question, "--json"))
    assert found["question"] == question


def test_the_question_may_stand_behind_one_folder_or_pattern(rag: Run, folder: Path) -> None:
    rag = with_editions(rag, folder)
    for named in ("docs", "docs/leave-*.md"):
        found = as_json(rag("compare", named, "What is lent for free?", "--json"))
        assert found["question"] == "What is lent for free?"
        assert {"docs/leave-2023.md", "docs/leave-2024.md"} <= set(found["documents"])


def test_a_comparison_in_prose_shows_the_differences_too(rag: Run, folder: Path) -> None:
    rag = with_editions(rag, folder)
    for name, before in {"leave-2023.md": OLD, "leave-2024.md": f"{NEW}\nThe interval was longer.\n"}.items():
        (folder / "docs" / name).write_text(f"{before}\nThe interval: it is 18 months.\n", encoding="utf-8")
    rag("ingest", "docs")
    shown = rag("compare", "docs/leave-2023.md", "docs/leave-2024.md", "--answer", "prose").stdout
    assert shown.startswith("It is 18 months.")
    assert "25 days / 27 days" in shown
    assert shown.count("It is 18 months.") == 1


def test_the_risk_decides_whether_the_question_of_a_comparison_is_answered(
    rag: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rag = with_editions(rag, folder)
    monkeypatch.setattr("rag.generation.generator.threshold", lambda risk: 2.0 if risk == 0.02 else 0.0)
    asked = ("compare", "docs/leave-2023.md", "docs/leave-2024.md", "What is lent for free?", "--json")
    assert as_json(rag(*asked, "--risk", "0.5"))["answered"]
    assert not as_json(rag(*asked, "--risk", "0.02"))["answered"]


def test_a_file_that_is_not_there_is_no_question(rag: Run, folder: Path) -> None:
    rag = with_editions(rag, folder)
    missing = rag("compare", "docs/leave-2023.md", "docs/leave-2024.md", "docs/leave-2025.md", code=1)
    assert "'docs/leave-2025.md' is not in the index" in missing.stderr
    assert "one document alone cannot be compared" in rag("compare", "docs/winch.txt", code=1).stderr
    assert "is not in the index" in rag("compare", "docs/winch.txt", "Why is that?", code=1).stderr


def test_a_question_for_all_documents_is_answered_with_what_was_looked_at(indexed: Run) -> None:
    result = indexed("ask", "Which documents mention ropes?")
    assert "Documents looked at: 3, all that there are. With these words: 1 (passages: 1)." in result.stdout
    assert "[1] docs/winch.txt:0-" in result.stdout
    found = as_json(indexed("ask", "哪些文件提到渡轮？", "--json"))
    assert (found["answered"], found["mode"], found["confidence"]) == (True, "quotes", 1.0)
    assert "含有这些词语的：1份" in found["completeness"]
    check_quotes(found)


def test_ask_says_so_where_no_document_has_the_words(indexed: Run) -> None:
    result = indexed("ask", "How many documents mention submarines?")
    assert "With these words: 0 (passages: 0)." in result.stdout
    assert result.stdout.count("With these words") == 1
    assert "nearest passages:" in result.stdout
