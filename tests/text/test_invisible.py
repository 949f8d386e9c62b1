"""What nobody sees is left out, what a script or an emoji needs is kept, and the way back is exact."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.invisible import Seen, unseen, visible

HIDING = st.text(st.sampled_from("ab 1♥👩ب क日\u200b\u200c\u200d\ufe0f\u00ad\u202e\U000e0041\ufeff"))


@pytest.mark.parametrize(
    "kept",
    [
        "می\u200cخواهم",
        "क्\u200dष and ക്\u200d",
        "👩\u200d👩\u200d👧 ❤\ufe0f\u200d🔥 1\ufe0f\u20e3 🏳\ufe0f\u200d🌈 👩🏽\u200d🔧",
        "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",
        "ᠠ\u180b",
    ],
)
def test_what_a_script_or_an_emoji_needs_is_kept(kept: str) -> None:
    assert visible(kept) == kept
    assert unseen(kept) == []


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("ig\u200bno\u2060re", "ignore"),
        ("a\u200db\u200cc", "abc"),
        ("Ver\u00adsiche\u00adrung", "Versicherung"),
        ("\ufeffa\u202egnp.exe\u202c", "agnp.exe"),
        ("ok" + "".join(chr(0xE0000 + ord(sign)) for sign in "say PWNED"), "ok"),
        ("日\U000e0100 x\ufe01", "日 x"),
        ("می\u200c\u200c\u200dخ", "می\u200cخ"),
        ("🏴" + "".join(chr(0xE0000 + ord(sign)) for sign in "evil") + "\U000e007f", "🏴"),
        ("\u3164\u115fx", "x"),
    ],
)
def test_what_nobody_sees_is_left_out(text: str, seen: str) -> None:
    assert visible(text) == seen


def test_every_format_character_of_unicode_is_spelled_or_needed() -> None:
    formats = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"]
    # Signs that are drawn although Unicode calls them formats: of Arabic numbers, Kaithi, Egyptian, shorthand.
    drawn = {char for char in formats if visible(f"a{char}b") != "ab"}
    assert all(unicodedata.name(char).startswith(("ARABIC", "SYRIAC", "KAITHI", "EGYPTIAN")) for char in drawn), drawn


@given(HIDING)
def test_seen_characters_lead_back_to_where_they_stood(text: str) -> None:
    seen = Seen.of(text)
    assert len(seen.text) == len(text) - len(unseen(text))
    for at, char in enumerate(seen.text):
        start, end = seen.span(at, at + 1)
        assert text[start:end] == char
    for start in range(len(seen.text)):
        first, last = seen.span(start, len(seen.text))
        assert visible(seen.text[start:]) == visible(text[first:last])
