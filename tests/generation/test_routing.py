"""Which questions want all documents: those that surely do, in five languages, and none besides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.generation.routing import enumeration

HANDBOOK = Path(__file__).parents[2] / "corpora" / "handbook" / "queries.jsonl"


@pytest.mark.parametrize(
    ("question", "language", "wanted"),
    [
        ("Which documents mention the Badger winch?", "en", "Badger winch"),
        ('How many files contain "form HR-12"?', "en", '"form HR-12"'),
        ("list all documents that refer to typhoons.", "en", "typhoons"),
        ("In which documents is Priya Nand mentioned?", "en", "Priya Nand"),
        ("In how many documents does KX-204 occur?", "en", "KX-204"),
        ("Please find all mentions of the Heron turbine", "en", "Heron turbine"),
        ("How many documents mention bread in total?", "en", "bread"),
        ("Which documents mention ropes, please?", "en", "ropes"),
        ("Which documents mention ropes anywhere at all?", "en", "ropes"),
        ("Wie viele Dokumente erwähnen den Kran insgesamt?", "de", "Kran"),
        ("Combien de documents mentionnent le treuil au total ?", "fr", "treuil"),
        ("¿Cuántos documentos mencionan la turbina en total?", "es", "turbina"),
        ("哪些文件提到了台风？", "zh", "台风"),
        ("一共有多少份文档提到海棠-7", "zh", "海棠-7"),
        ("列出所有提到潮信的文件。", "zh", "潮信"),
        ("台风在哪些文件中被提到？", "zh", "台风"),
        ("Welche Dokumente erwähnen die Turbine?", "de", "Turbine"),
        ("In wie vielen Dokumenten kommt Badger vor?", "de", "Badger"),
        ("Liste alle Dokumente auf, die den Kran erwähnen", "de", "Kran"),
        ("Quels documents mentionnent le treuil ?", "fr", "treuil"),
        ("Combien de documents parlent de la turbine ?", "fr", "turbine"),
        ("Listez tous les documents qui évoquent l'accident", "fr", "accident"),
        ("¿Qué documentos mencionan el cabrestante?", "es", "cabrestante"),
        ("¿En cuántos documentos aparece Heron?", "es", "Heron"),
        ("Enumera todos los documentos que hablan de la turbina", "es", "turbina"),
    ],
)
def test_a_question_for_all_documents_is_known_with_what_it_wants(question: str, language: str, wanted: str) -> None:
    found = enumeration(question)
    assert found is not None
    assert (found.language, found.wanted) == (language, wanted)


@pytest.mark.parametrize(
    "question",
    [
        "How many weeks of leave do parents get?",
        "How many documents are needed for a visa?",
        "Which documents are needed for a claim?",
        "Which documents must be signed, and by whom?",
        "Which documents mention the winch or the crane?",  # not all words of one thing
        "Which documents mention the winch but not the crane?",
        "Which documents from 2023 mention leave?",  # a condition that is more than words
        "Which documents mention the winch and why?",
        "Which documents mention neither ropes nor winches?",
        "Which documents mention only the winch?",
        "Which documents contain errors, and list them",
        "Which documents mention a rope / a winch?",  # one or the other
        "Welche Dokumente erwähnen weder Kran noch Winde?",
        "Quels documents mentionnent seulement le treuil ?",
        "¿Qué documentos mencionan solo la turbina?",
        "哪些文件只提到绞车？",
        "Which files does the planner export?",
        "List all suppliers",
        "有多少天年假？",
        "申请调休需要哪些文件？",
        "哪些文件提到了绞车或起重机？",
        "Welche Dokumente braucht man für den Antrag?",
        "Combien de jours de congé y a-t-il ?",
        "¿Cuántos días de vacaciones hay?",
        "",
    ],
)
def test_any_other_question_is_left_alone(question: str) -> None:
    assert enumeration(question) is None


def test_no_question_of_the_handbook_is_taken_for_one() -> None:
    questions = [json.loads(line)["text"] for line in HANDBOOK.read_text(encoding="utf-8").splitlines()]
    assert len(questions) > 400
    assert [question for question in questions if enumeration(question)] == []
