"""Folding, language and terms: what a query and a passage have to agree on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.fold import fold
from rag.text.language import language
from rag.text.terms import content_terms, terms


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ＫＸ－２０４", "kx-204"),
        ("Łódź", "lodz"),
        ("Straße", "STRASSE"),
        ("مُحَمَّدـ ١٢", "محمد 12"),
        ("co\u00adop\u200berate", "cooperate"),
        ("ΟΔΟΣ", "οδός"),
    ],
)
def test_what_a_reader_calls_the_same_folds_to_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


def test_marks_that_are_letters_of_their_own_stay() -> None:
    assert fold("が") != fold("か")
    assert fold("हिन्दी") == "हिन्दी"
    assert fold("ที่") == "ที่"


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("en", "Where is the oven?"),
        ("de", "Wie viele Punkte gab die Verteidigung ab?"),
        ("es", "¿Cuántos puntos permitió la defensa?"),
        ("fr", "Combien coûte le billet ?"),
        ("zh", "谁是 Alan Turing 的老师？"),
        ("ja", "これは何ですか"),
        ("ko", "한국어 문장"),
        ("ar", "ما هو السعر"),
        ("fa", "چه کسی"),
        ("ru", "Сколько это стоит?"),
        ("uk", "Хто є автором?"),
        ("el", "Πόσο κάνει"),
        ("", "KX-204 1234"),
        ("", ""),
    ],
)
def test_the_language_is_told_by_script_and_function_words(code: str, text: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize("spelled", ["KX-204-B", "kx204b", "KX 204", "ＫＸ－２０４－Ｂ"])
def test_codes_meet_in_exact_closed_up_and_partial_spellings(spelled: str) -> None:
    assert set(terms(spelled)) & set(terms("The seal KX-204-B is in stock.")) >= {"kx", "204"}


def test_a_whole_code_is_a_term_too() -> None:
    assert {"kx-204-b", "kx204b"} <= set(terms("KX-204-B"))
    assert "ada@example.org" in terms("Write to ada@example.org.")


def test_thousands_are_one_number() -> None:
    assert terms("1,200") == ["1200"]
    assert "1200" in terms("1.200")


def test_scripts_without_spaces_are_cut_into_pairs() -> None:
    assert terms("重置密码") == ["重置", "置密", "密码"]
    assert terms("水") == ["水"]


def test_a_bare_keyword_meets_a_passage_in_a_plain_language() -> None:
    passage = terms("Die Rückerstattungen werden von der Verwaltung nach 14 Tagen überwiesen.")
    assert set(terms("Rückerstattung")) & set(passage)


def test_function_words_are_no_content_unless_there_is_nothing_else() -> None:
    assert content_terms("What is the price of the pump?") == ["price", "pump"]
    assert content_terms("the who") == ["the", "who"]
    assert content_terms("手机号是多少？") == ["手机", "机号"]


@given(st.text())
def test_any_text_has_terms_without_blanks(text: str) -> None:
    assert all(term and not term.isspace() for term in terms(text))
