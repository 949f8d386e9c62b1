"""JSON, YAML, TOML and INI: keys that hold others are headings."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.datatypes import Markup
from rag.text import windows
from rag.text.structure import parser

Path = tuple[str, ...]


def paths(text: str, markup: Markup) -> list[tuple[Path, str]]:
    """The blocks of a text with the keys that each stands under."""
    path: list[tuple[int, str]] = []
    found = []
    for block in (block for window in windows.windows(text, parser(markup)) for block in window.blocks):
        if block.kind == "heading":
            path = [*(each for each in path if each[0] < block.level), (block.level, block.title)]
        found.append((tuple(title for _, title in path if title), text[block.start : block.end]))
    return found


VALUE = {
    "name": "winch",
    "parts": {"drum": {"size": 4}, "pawl": {"size": 1}},
    "loads": [{"pin": "A", "most": {"t": 4}}, {"pin": "B"}],
    "锚": {"重": 3},
    "end": True,
}


@pytest.mark.parametrize("indent", [None, 2])
def test_json_keys_are_the_path_of_what_they_hold(indent: int | None) -> None:
    text = json.dumps(VALUE, indent=indent, ensure_ascii=False)
    found = paths(text, "json")
    where = {
        key: next(path for path, said in found if f'"{key}"' in said) for key in ("name", "size", "pin", "重", "end")
    }
    assert where["name"] == ()
    assert where["size"] == ("parts", "drum")
    assert where["pin"] == ("loads",)
    assert where["重"] == ("锚",)
    assert where["end"] == ()


def test_json_records_are_not_taken_apart() -> None:
    rows = [{"pin": f"P{number}", "note": "x" * 60, "more": {"a": [1, 2]}} for number in range(5)]
    found = [said for _, said in paths(json.dumps(rows), "json")]
    assert len(found) == 5
    assert all(said.count('"pin"') == 1 and said.count('"more"') == 1 for said in found)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(0, 99) | st.text("ab锚 ", max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text('ab锚"\\', max_size=3), inner, max_size=4),
        max_leaves=30,
    )
)
def test_json_of_any_shape_has_the_same_paths_in_windows(value: object) -> None:
    text = json.dumps(value, indent=0, ensure_ascii=False)  # a window ends with a line
    whole = "".join(said for _, said in paths(text, "json"))
    assert "".join(whole.split()) == "".join(text.split())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(windows, "WINDOW", 40)
        cut = paths(text, "json")
    keys = {path for path, _ in paths(text, "json")}
    assert {path for path, _ in cut} <= keys


def test_yaml_keys_and_texts_over_several_lines() -> None:
    text = (
        "# All of it\nname: winch\nparts:\n  drum:\n    size: 4\n  note: |\n    not_a_key:\n      x\n"
        "loads:\n- pin: A\n- pin: B\nend: 1\n---\n'quoted key':\n  a: 1\n"
    )
    found = paths(text, "yaml")
    where = {said.split("\n")[0].strip(): path for path, said in found}
    assert where["size: 4"] == ("parts", "drum")
    assert ("loads",) in [path for path, said in found if "pin: B" in said]
    assert where["end: 1"] == ()
    assert where["a: 1"] == ("quoted key",)
    assert not any("not_a_key" in path for path, _ in found)


def test_toml_and_ini_sections() -> None:
    text = 'a = 1\n\n# Deck\n[deck.winch]\nsize = 4\nnote = """\n[not.one]\n"""\n\n[[pins]]\nname = "A"\n; end\n'
    found = paths(text, "ini")
    assert [path for path, _ in found if path] == [("deck.winch",), ("deck.winch",), ("pins",), ("pins",)]
    assert found[1][1] == "# Deck\n[deck.winch]"
