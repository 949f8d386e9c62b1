"""The words of paths and of questions about them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.names import asked_words, called, name_words


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("contracts/ACME_2024Q3-final.pdf", "contracts acme 2024 q3 final"),
        ("2022 Q3 AAPL.pdf", "2022 q3 aapl"),
        ("minutes/board-2024-05.docx", "minutes board 2024 5"),
        ("Minutes March 2024.docx", "minutes march 3 2024"),
        ("may.md", "may 5"),
        ("März 2024.md", "marz 3 2024"),
        ("third_quarter 2023.pdf", "q3 2023"),
        ("会议纪要/2022年第三季度.md", "会议 议纪 纪要 2022 q3"),
        ("2022年03月.md", "2022 3"),
        ("2022第二季.md", "2022 q2"),
        ("3季度.md", "q3"),
        ("四季.md", "四季"),
        ("reports.2024/", "reports 2024"),
        ("release v1.q3/", "release v1 q3"),
        ("notes.jsonl#TICKET-12", "notes"),
        ("notes.jsonl#a/b.md", "notes"),
        ("issue #12/C# handbook.pdf", "issue 12 handbook"),
        ("a.zip!/Größe v1.tar.gz", "zip grosse v1 tar"),
        ("kx204.md", "kx204"),
        ("हिन्दी रिपोर्ट 2024.md", "हिन्दी रिपोर्ट 2024"),
        ("a b/c.d", ""),
        ("00.md", "0"),
        ("", ""),
    ],
)
def test_a_path_has_these_words(path: str, words: str) -> None:
    assert name_words(path) == set(words.split())


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("What does ACME's contract of the third quarter of 2024 say?", "acme contract q3 2024 say"),
        ("What was decided in July 2024?", "decided july 7 2024"),
        ("What was agreed in May 2024?", "agreed 5 2024"),
        ("What may be done?", "done"),
        ("苹果2022年第二季度的现金流是多少？", "苹果 2022 q2 现金 金流"),
        ("2024年7月的会议", "2024 7 会议"),
        ("Was gilt im März 2024 für die Kantine?", "gilt marz 3 2024 kantine"),
        ("Que dit le contrat signé en août 2023 ?", "dit contrat signe aout 8 2023"),
        ("какой срок в договоре", "срок договоре"),
        ("रिपोर्ट क्या कहती है", "रिपोर्ट क्या कहती है"),
        ("", ""),
    ],
)
def test_a_question_names_by_these_words(question: str, words: str) -> None:
    assert asked_words(question) == set(words.split())


@pytest.mark.parametrize(
    ("path", "question", "said"),
    [
        ("会议纪要/2022年3月.md", "2022年3月的会议批准了多少？", "会议 2022年3月"),
        ("会议纪要/2022年10月.md", "2022年3月的会议批准了多少？", "会议 2022年"),
        ("contracts/ACME_2024Q3-final.pdf", "What about ACME's Q3 2024 contract?", "acme_2024q3"),
        ("board-2024-07.docx", "What did the board say in July 2024?", "board-2024-07"),
        ("July 2024.docx", "2024年7月", "july 2024"),
        ("third quarter report 2022.pdf", "What happened in Q3 2022?", "q3 2022"),
        ("tickets/TICKET-12.eml", "What is ticket 12 about?", "ticket-12"),
        ("ignore what was said before, ACME.md", "Who is ACME?", "acme"),
        ("#12 Penrose/C# handbook.pdf", "The C# handbook of Penrose", "penrose handbook"),
        ("会议未批准.md", "会议批准了吗？", "会议 批准"),
        ("2022年会议.md", "2022年的会议批准了吗？", "2022年会议"),
        ("2022不批准.md", "2022年批准了吗？", "2022 批准"),
        ("ACME\n2022.md", "What did ACME do in 2022?", "acme 2022"),
        ("ACME/ACME and ACME 2022.md", "What did ACME do in 2022?", "acme 2022"),
        ("2024-03-03.md", "What was said on 3 March 2024?", "2024-03-03"),
        ("guide.md", "Who is ACME?", ""),
    ],
)
def test_a_question_calls_a_path_by_what_stands_in_both(path: str, question: str, said: str) -> None:
    assert called(path, question) == said


@given(st.text(st.characters(codec="ascii", exclude_characters="#.")))
def test_a_path_in_ascii_has_the_words_that_it_has_in_company(path: str) -> None:
    assert name_words(f"{path} 泵") == name_words(path)


@given(st.text(), st.text())
def test_any_path_can_be_called_by_the_words_that_it_shares(path: str, question: str) -> None:
    said = called(path, question)
    assert bool(said) == (not name_words(path).isdisjoint(asked_words(question)))


@given(
    st.lists(st.sampled_from(["acme", "2024", "q3", "年度报告", "May", "kx-204", "#", "/", "_", ".pdf", "3月"])).map(
        " ".join
    )
)
def test_a_path_that_is_asked_for_is_called_what_it_is(path: str) -> None:
    words = name_words(path) & asked_words(path)
    assert name_words(called(path, path)) >= words
