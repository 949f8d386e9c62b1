"""The compiled table does what the table says, to every character."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from rag.models.charsmap import compile_charsmap

# Letters of several scripts without combining marks: those form one grapheme with what is before them, and a
# grapheme of under six bytes is looked up as a whole.
LETTERS = st.characters(categories=["Lu", "Ll", "Lo", "Nd", "Sm"], exclude_characters="ᄀ")


@settings(max_examples=60)
@given(st.dictionaries(LETTERS, st.text(LETTERS, max_size=4), min_size=1, max_size=300), st.text(LETTERS, max_size=20))
def test_every_character_is_replaced_as_the_table_says_and_no_other(table: dict[str, str], other: str) -> None:
    normalizer = normalizers.Precompiled(compile_charsmap(table))
    for character in [*table, *other]:
        assert normalizer.normalize_str(character) == table.get(character, character)


def test_a_large_table_is_compiled_whole() -> None:
    table = {chr(number): chr(number + 1) * (number % 4) for number in range(0x4E00, 0x9FA0, 3)}
    normalizer = normalizers.Precompiled(compile_charsmap(table))
    assert all(normalizer.normalize_str(character) == out for character, out in table.items())
    assert all(normalizer.normalize_str(chr(n)) == chr(n) for n in range(0x4E01, 0x9FA0, 3))


def test_what_the_form_cannot_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot map 'a'"):
        compile_charsmap({"a": "\0"})
