"""JSON and JSON lines: the text as it stands, but readable; documents a line."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.readers import READERS
from rag.corpus.readers.textual.records import readable
from rag.datatypes import Document, place_at


def read(text: str, path: str) -> Document:
    outcome = READERS[path[1:]].read(text.encode(), path)
    assert isinstance(outcome, Document), outcome
    return outcome


def test_json_is_kept_to_the_character() -> None:
    text = '{\r\n  "a" : [1, 2],\n\t"b": "x\\ny"}'
    found = read(text, "a.json")
    assert (found.text, found.markup) == (text, "json")
    assert read("{ broken", "a.json").text == "{ broken"


def test_escaped_letters_are_readable_and_all_else_stays() -> None:
    text = json.dumps({"name": "起锚机 💡 é", "tab": '\t"\\ \u200b \u2028', "half": "\ud83d"}) + r' "\\u4e2d"'
    found = readable(text)
    assert "起锚机 💡 é" in found
    assert r"\t\"\\ \u200b \u2028" in found
    assert r"\ud83d" in found
    assert r'"\\u4e2d"' in found


@given(
    st.recursive(st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))
)
def test_readable_json_says_the_same(value: object) -> None:
    assert json.loads(readable(json.dumps(value))) == value


def test_lines_of_records_are_kept_with_their_numbers() -> None:
    text = '{"sku": 1}\n\n{"sku": 2}\nbroken {\n'
    found = read(text, "a.jsonl")
    assert (found.text, found.markup) == (text, "lines")
    assert [place_at(found.pages, text.index(each)) for each in ('"sku": 1', '"sku": 2', "broken")] == [
        "line 1",
        "line 3",
        "line 4",
    ]


def test_lines_that_are_documents_are_read_as_such() -> None:
    rows = [
        {
            "_id": "w1",
            "title": "起锚机",
            "text": "It hauls.\n\n# Not a heading",
            "vector": [0.1] * 50,
            "tags": ["deck"],
        },
        {"_id": "w2", "text": "Drum.", "none": None},
    ]
    found = read("\n".join(map(json.dumps, rows)), "a.ndjson")
    assert found.text == (
        '# 起锚机\n\n- _id: w1\n- tags: ["deck"]\n\nIt hauls.\n\n\\# Not a heading\n\n# line 2\n\n- _id: w2\n\nDrum.\n'
    )
    assert place_at(found.pages, found.text.index("Drum")) == "line 2"


def test_a_damaged_line_among_many_leaves_the_others_documents() -> None:
    lines = [json.dumps({"title": f"T{number}", "text": "a\nb"}) for number in range(12)]
    found = read("\n".join([*lines[:3], '{"text": "cut', *lines[3:]]), "a.jsonl")
    assert '# T2\n\na\nb\n\n{"text": "cut\n\n# T3\n\na\nb\n' in found.text
    assert read("\n".join([*lines[:5], '{"text": "cut']), "a.jsonl").markup == "lines"


def test_a_line_that_is_none_among_documents_stays_as_it_is() -> None:
    lines = [json.dumps({"title": "a", "text": f"t{number}"}) for number in range(60)]
    found = read("\n".join([*lines, "[1, 2"]), "a.jsonl")
    assert found.text.endswith("[1, 2\n")
    assert found.pages[-1].label == "line 61"


@pytest.mark.parametrize("text", ["[" * 100_000, '{"text":' * 10_000, '{"a":' * 5000 + "1" + "}" * 5000])
@pytest.mark.parametrize("path", ["a.json", "a.jsonl"])
def test_deep_nesting_is_kept_as_it_stands(text: str, path: str) -> None:
    assert read(text, path).text == text
