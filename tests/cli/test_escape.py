"""Nothing from a document acts on a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.cli.escape import json_safe, printable, printable_lines
from rag.text.invisible import unseen

BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
ACTIVE = {*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), *BIDI, "\u2028", "\u2029"}


@pytest.mark.parametrize(
    ("raw", "seen"),
    [
        ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"),
        ("\x9b2J", r"\x9b2J"),
        ("abc\u202egnp.exe", r"abc\u202egnp.exe"),
        ("a\rb", r"a\x0db"),
        ("\udc80", r"\udc80"),
        ("pay\u200bpal \u00ad\ufeff", r"pay\u200bpal \xad\ufeff"),
        ("hi\U000e0041\ufe00", r"hi\U000e0041\ufe00"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("日本語 – naïve 👩‍🔧", "日本語 – naïve 👩‍🔧"),
    ],
)
def test_control_characters_are_spelled_out_and_nothing_else_changes(raw: str, seen: str) -> None:
    assert printable(raw) == seen


def test_lines_keep_their_breaks_and_tabs() -> None:
    assert printable_lines("a\tb\r\nc\x1b\n") == "a\tb\nc\\x1b\n"


HIDING = st.text(st.characters() | st.sampled_from("a👩ب\u200b\u200d\ufe0f\u00ad\U000e0041\u202e"))


@given(HIDING)
def test_what_is_printable_is_one_line_without_any_active_character(text: str) -> None:
    seen = printable(text)
    assert not ACTIVE & set(seen)
    assert not unseen(seen)
    assert all(unicodedata.category(each) != "Cs" for each in seen)


@given(st.recursive(HIDING | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_safe_json_means_the_same_and_holds_no_active_character(value: object) -> None:
    safe = json_safe(json.dumps(value, ensure_ascii=False))
    assert json.loads(safe) == value
    assert not unseen(safe)
    assert not ACTIVE & set(safe)
