"""Personal data is taken out of a document's text and of what is said of it, and nothing else is."""

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.redaction import KINDS, Redactor
from rag.datatypes import Document, Page
from rag.errors import SettingsError

ALL = Redactor(tuple(KINDS))


def cleaned(text: str) -> str:
    return ALL.redacted(Document("d", text))[0].text


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Mail jane.doe+x@mail.example.org, now.", "Mail [email], now."),
        ("邮箱：王伟＠例子.公司，请回复", "邮箱：[email]，请回复"),
        ("Call +44 20 7946 0958 or +1 (212) 555-0123.", "Call [phone] or [phone]."),
        ("Ring (212) 555-0123 at 9.", "Ring [phone] at 9."),
        ("手机13812345678，座机010-62345678。", "手机[phone]，座机[phone]。"),
        ("+86 138 1234 5678", "[phone]"),
        ("１３８１２３４５６７８", "[phone]"),
        ("(021) 6234 5678, 0755-8888 9999-12, 400-123-4567", "[phone], [phone], [phone]"),
        ("1-800-555-0199 or 212.555.0123", "[phone] or [phone]"),
        ("+33 1 23 45 67 89, +41 44 668 18 00, +1 212 555 0123", "[phone], [phone], [phone]"),
        ("Telefon: 030 / 1234567", "Telefon: [phone]"),
        ("тел. 8 495 123-45-67, هاتف ٠١٢٣٤٥٦٧٨٩", "тел. [phone], هاتف [phone]"),
        ("Card 4111 1111 1111 1111 or 378282246310005.", "Card [card] or [card]."),
        ("IBAN DE89 3704 0044 0532 0130 00 BIC", "IBAN [iban] BIC"),
        ("IBAN GB82WEST12345698765432.", "IBAN [iban]."),
        ("身份证号11010519491231002X，女", "身份证号[id]，女"),
        ("身份证：110105491231002", "身份证：[id]"),
        ("SSN 219-09-9998", "SSN [id]"),
        (f"Contact{'.' * 80}jane@example.org", f"Contact{'.' * 80}[email]"),
        ("Mail jane\\_doe@example.org.", "Mail [email]."),
        ("Jane,4111111111111111,12/26", "Jane,[card],12/26"),
        ("7,4111111111111111", "7,[card]"),
        ("4111 1111 1111 1111 12/26", "[card] 12/26"),
        ("No. 7 4111 1111 1111 1111 123", "No. 7 [card] 123"),
    ],
)
def test_personal_data_becomes_its_kind(text: str, clean: str) -> None:
    assert cleaned(text) == clean


@pytest.mark.parametrize(
    "text",
    [
        "Part KX-204-B, order 4111 1111 1111 1112, 2024-05-01 to 2024-06-30.",
        "The winch hauls 12,500 kg; see pages 1-3, 10:30-11:45, and ISO 13849-1.",
        "Version 1.2.3.4, 192.168.0.1, 3.14159265358979, 100000000000000 units.",
        "编号110105194912310020，2024年12月31日，价格13800元。",
        "@home, a@b, user@, 5 @ 3.20",
        "0000 0000 0000 0000 and SSN 000-12-3456",
        "GB82 WEST 1234 5698 7654 33",
        "A gain of +1 250 000 EUR, +12 345 678 in all, +123 456 789; drift +0.05 0.10 0.15 0.20",
        "Order no. 100-200-3000, part 123-456-7890, 2021-555-0123",
        "Serial 123456789012345678, batch 20240131-0042.",
    ],
)
def test_what_only_looks_like_it_stays(text: str) -> None:
    assert cleaned(text) == text


def test_title_metadata_and_labels_are_cleaned_and_pages_keep_their_places() -> None:
    text = "One a@example.org.\nTwo 13812345678 and more.\nThree."
    first, second = text.index("Two"), text.index("Three")
    pages = (Page(1, 0, first), Page(2, first, second, "message 2: a@example.org"), Page(3, second, len(text)))
    document = Document("d", text, "plain", "For a@example.org", pages, (("author", "a@example.org"), ("date", "2024")))
    clean, count = ALL.redacted(document)
    assert clean.text == "One [email].\nTwo [phone] and more.\nThree."
    assert [clean.text[page.start : page.end] for page in clean.pages] == [
        "One [email].\n",
        "Two [phone] and more.\n",
        "Three.",
    ]
    assert clean.pages[1].label == "message 2: [email]"
    assert (clean.title, clean.metadata) == ("For [email]", (("author", "[email]"), ("date", "2024")))
    assert count == 4
    assert clean.id != document.id


def test_a_document_is_another_one_with_other_kinds() -> None:
    document = Document("d", "nothing personal")
    ids = {Redactor(kinds).redacted(document)[0].id for kinds in ((), ("email",), ("phone",), ("email", "phone"))}
    assert len(ids) == 4
    assert Redactor(()).redacted(document) == (document, 0)
    assert Redactor(("phone", "email")).stamp == Redactor(("email", "phone")).stamp
    assert Redactor(()).stamp == ""


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(SettingsError, match=r"redact = 'face' is no kind .*: email, iban, id, card, phone"):
        Redactor(("email", "face"))


def test_where_two_kinds_touch_the_place_is_taken_out_once() -> None:
    assert cleaned("tel 4111 1111 1111 1111") == "tel [card]"
    assert Redactor(("phone",)).found("tel +44 20 7946 0958") == [(4, 20, "phone")]


PERSONAL = st.sampled_from(
    ["jane@example.org", "+44 20 7946 0958", "4111 1111 1111 1111", "DE89370400440532013000", "11010519491231002X"]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.text("ab c。\n", max_size=8), PERSONAL), max_size=6))
def test_none_of_it_is_left_and_the_rest_is(parts: list[tuple[str, str]]) -> None:
    text = "".join(f"{before} | {personal} | " for before, personal in parts)
    clean = cleaned(text)
    assert not any(personal in clean for _, personal in parts)
    assert ALL.found(clean) == []
    rest = re.split(r"\[(?:email|phone|card|iban|id)\]", clean)
    at = 0
    for piece in rest:
        at = text.index(piece, at) + len(piece)


@pytest.mark.parametrize("text", ["1 " * 200_000, "a@" * 200_000, "tel " * 100_000, "+1 " * 200_000, "A1 " * 200_000])
def test_long_texts_take_time_by_their_length(text: str) -> None:
    started = time.perf_counter()
    ALL.found(text[: len(text) // 4])
    quarter = time.perf_counter() - started
    started = time.perf_counter()
    ALL.found(text)
    assert time.perf_counter() - started < 16 * quarter + 1


def test_national_numbers_are_found_by_presidio() -> None:
    pytest.importorskip("presidio_analyzer", reason="the extra redact is not installed")
    assert cleaned("PESEL 44051401359, DNI 12345678Z") == "PESEL [id], DNI [id]"


@pytest.mark.parametrize(
    "text", [f"+{'1' * 50} " * 200, "+1 1. 1. 1. 1. 1. 1. 1x" * 2000, "1 " * 20_000, "a@a.aa" * 9000]
)
def test_numbers_of_any_length_take_linear_time(text: str) -> None:
    started = time.perf_counter()
    ALL.found(text)
    assert time.perf_counter() - started < 3


def test_personal_data_in_a_key_goes_too() -> None:
    clean, count = ALL.redacted(Document("d", "text", metadata=(("jane@example.org", "owner"),)))
    assert clean.metadata == (("[email]", "owner"),)
    assert count == 1
