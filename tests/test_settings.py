"""Where settings come from, which place wins, and what is refused."""

from __future__ import annotations

import inspect
import os
import sys
from dataclasses import astuple
from pathlib import Path
from typing import get_args

import pytest

from rag.datatypes import Sampling
from rag.errors import SettingsError
from rag.evaluation.run import evaluate
from rag.index.chunking import Chunking
from rag.index.dense_build import FAMILIES
from rag.index.writer import Writer
from rag.models.catalogue import DEFAULT_EMBEDDER, DEFAULT_GENERATOR
from rag.models.placement import Quantization
from rag.models.server import open_server
from rag.pipeline import add_documents, ask, ingest
from rag.retrieval.fuse import Fusion
from rag.retrieval.retriever import Retriever
from rag.settings import KEYS, Settings, save


def loaded(folder: Path, environ: dict[str, str] | None = None, **flags: str | int | Path | None) -> Settings:
    return Settings.load(flags, folder=folder, environ=environ or {})


def written(folder: Path, text: str) -> Path:
    path = folder / "rag.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_without_any_place_the_defaults_hold(tmp_path: Path) -> None:
    settings = loaded(tmp_path)
    assert settings.k == 5
    assert settings.embedder == "multilingual-e5-small"
    assert settings.index == tmp_path / "indexes" / "default"
    assert set(settings.origins.values()) == {"default"}


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "k = 7\nchunk_tokens = 100\nanswer = 'quotes'")
    settings = loaded(tmp_path, {"RAG_K": "8", "RAG_ANSWER": "prose"}, k=9)
    assert (settings.k, settings.answer, settings.chunk_tokens) == (9, "prose", 100)
    assert settings.origins["k"] == "-k"
    assert settings.origins["answer"] == "RAG_ANSWER"
    assert settings.origins["chunk_tokens"] == str(path)
    assert settings.origins["device"] == "default"


def test_the_file_of_the_nearest_parent_counts(tmp_path: Path) -> None:
    written(tmp_path, "k = 7\nanswer = 'quotes'")
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    written(tmp_path / "a", "k = 6")
    settings = loaded(inner)
    assert (settings.k, settings.answer) == (6, "auto")


def test_a_flag_that_was_not_given_and_an_empty_variable_do_not_count(tmp_path: Path) -> None:
    assert loaded(tmp_path, {"RAG_K": ""}, k=None).k == 5


def test_a_folder_that_cannot_be_looked_into_is_none_with_settings(tmp_path: Path) -> None:
    outer = tmp_path / ("x" * 300)  # no permission is the same for a stat; the superuser has them all
    assert loaded(outer / "inner").index == outer / "inner" / "indexes" / "default"


@pytest.mark.skipif(sys.platform == "win32", reason="a folder that somebody is in cannot be removed there")
def test_a_folder_that_is_gone_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (gone := tmp_path / "gone").mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    with pytest.raises(SettingsError, match="the current folder has been removed; go to one that is there"):
        Settings.load()


@pytest.mark.parametrize("marker", ["indexes", "rag.toml"])
def test_the_default_index_lies_in_the_nearest_parent_that_has_a_marker(tmp_path: Path, marker: str) -> None:
    inner = tmp_path / "project" / "docs"
    inner.mkdir(parents=True)
    if marker == "indexes":
        (tmp_path / "project" / marker).mkdir()
    else:
        written(tmp_path / "project", "")
    assert loaded(inner).index == tmp_path / "project" / "indexes" / "default"


def test_an_index_in_the_file_is_seen_from_the_file_and_one_in_a_flag_from_here(tmp_path: Path) -> None:
    inner = tmp_path / "docs"
    inner.mkdir()
    written(tmp_path, "index = 'my/index'")
    assert loaded(inner).index == tmp_path / "my" / "index"
    assert loaded(inner, {"RAG_INDEX": "other"}).index == inner / "other"
    assert loaded(inner, {"RAG_INDEX": "other"}, index=Path("../third")).index == tmp_path / "third"


def test_a_model_folder_in_the_file_is_seen_from_the_file_and_a_hub_name_stays(tmp_path: Path) -> None:
    inner = tmp_path / "docs"
    inner.mkdir()
    written(tmp_path, "embedder = './models/mine'\ngenerator = 'someone/model'")
    settings = loaded(inner)
    assert settings.embedder == str(tmp_path / "models" / "mine")
    assert settings.generator == "someone/model"


def test_no_reranker_is_set_and_an_empty_name_takes_back_one_that_is(tmp_path: Path) -> None:
    assert loaded(tmp_path).reranker == ""
    written(tmp_path, "reranker = './models/mine'")
    assert loaded(tmp_path).reranker == str(tmp_path / "models" / "mine")
    assert loaded(tmp_path, {"RAG_RERANKER": "someone/model"}).reranker == "someone/model"
    assert loaded(tmp_path, reranker="").reranker == ""


def test_an_unknown_key_in_the_file_names_the_nearest_known_one(tmp_path: Path) -> None:
    written(tmp_path, "embeder = 'x'")
    with pytest.raises(SettingsError, match=r"embeder in .*rag\.toml: did you mean embedder\?"):
        loaded(tmp_path)


def test_an_unknown_variable_names_the_nearest_known_one(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"RAG_CHUNK_TOKEN in the environment: did you mean RAG_CHUNK_TOKENS\?"):
        loaded(tmp_path, {"RAG_CHUNK_TOKEN": "3"})


def test_a_key_like_no_other_lists_them_all(tmp_path: Path) -> None:
    written(tmp_path, "zzzz = 1")
    with pytest.raises(SettingsError, match=", ".join(KEYS)):
        loaded(tmp_path)


@pytest.mark.parametrize("variable", ["RAG_MODELS", "RAG_API_KEY"])
def test_what_is_read_from_the_environment_alone_is_no_setting(tmp_path: Path, variable: str) -> None:
    settings = loaded(tmp_path, {variable: "something"})
    assert settings == loaded(tmp_path)
    assert "something" not in repr(settings)


def test_a_setting_knows_whether_a_file_gave_it(tmp_path: Path) -> None:
    written(tmp_path, "server = 'http://localhost:11434/v1'\ngenerator = 'tiny'")
    settings = loaded(tmp_path, {"RAG_GENERATOR": "other"})
    assert [settings.in_file(name) for name in ("server", "generator", "k")] == [True, False, False]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("k = '5'", r"k = '5' .* is not a whole number"),
        ("k = true", r"k = True .* is not a whole number"),
        ("k = 0", r"k = 0 .* is out of range: 1 to 1000"),
        ("threads = -1", r"threads = -1 .* is out of range: 0 to 1024"),
        ("late_weight = true", r"late_weight = True .* is not a number"),
        ("late_weight = '2'", r"late_weight = '2' .* is not a number"),
        ("late_weight = nan", r"late_weight = nan .* is out of range: 0 to 100"),
        ("dense_weight = -0.1", r"dense_weight = -0.1 .* is out of range: 0 to 100"),
        ("answer = 'verse'", r"answer = 'verse' .* is none of: auto, quotes, prose"),
        ("temperature = 3", r"temperature = 3 .* is out of range: 0 to 2"),
        ("server = 'localhost:11434'", r"server = 'localhost:11434' .* is no URL, such as http://localhost:11434/v1"),
        ("server = 'http://'", r"server = 'http://' .* is no URL"),
        ("server = 'http://[::1'", r"server = 'http://\[::1' .* is no URL"),
        ("server = 'ftp://host/v1'", r"is no URL"),
        ("server = 'https://host/v1?key=1'", r"server .* has more than an address in it\. A key goes into RAG_API_KEY"),
        ("api_key = '1'", r"api_key in .*: a key is read from the environment only.* set RAG_API_KEY"),
        ("device = 'gpu'", r"device = 'gpu' .* is none of: auto, cpu"),
        ("embedder = 3", r"embedder = 3 .* is not a text"),
        ("embedder = ''", r"embedder = '' .* is not a text"),
        ('index = "a\\u0000b"', r"index = 'a\\x00b' .* is not a text"),
        ("K = 3", r"unknown setting K in .*: did you mean k\?"),
        ("[k]\na = 1", r"k = \{'a': 1\} .* is not a whole number"),
        ("k = ", r"rag\.toml is not valid TOML"),
    ],
)
def test_a_malformed_file_is_refused_with_the_value(tmp_path: Path, text: str, complaint: str) -> None:
    written(tmp_path, text)
    with pytest.raises(SettingsError, match=complaint):
        loaded(tmp_path)


@pytest.mark.parametrize("value", ["five", "5.0", "9" * 30, "0x10"])
def test_a_variable_that_is_no_number_is_refused(tmp_path: Path, value: str) -> None:
    with pytest.raises(SettingsError, match=f"RAG_K='{value}' is not a whole number"):
        loaded(tmp_path, {"RAG_K": value})


def test_a_weight_may_be_any_number_from_any_place(tmp_path: Path) -> None:
    written(tmp_path, "late_weight = 3\nexact_weight = 0.5")
    settings = loaded(tmp_path, {"RAG_LEXICAL_WEIGHT": "1.25"})
    assert (settings.late_weight, settings.exact_weight, settings.lexical_weight) == (3.0, 0.5, 1.25)
    with pytest.raises(SettingsError, match="RAG_LATE_WEIGHT='much' is not a number"):
        loaded(tmp_path, {"RAG_LATE_WEIGHT": "much"})


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_bytes(b"embedder = '\xff'")
    with pytest.raises(SettingsError, match="is not valid TOML"):
        loaded(tmp_path)


def test_the_defaults_are_those_of_the_library() -> None:
    defaults = {name: key.default for name, key in KEYS.items()}
    assert (defaults["embedder"], defaults["generator"]) == (DEFAULT_EMBEDDER, DEFAULT_GENERATOR)
    assert astuple(Sampling()) == (defaults["max_tokens"], defaults["temperature"], defaults["seed"], ())
    assert inspect.signature(open_server).parameters["context_tokens"].default == defaults["server_context"]
    assert KEYS["quantization"].choices == get_args(Quantization)
    assert Fusion().method == defaults["fusion"]
    assert Fusion().weights == {name: defaults[f"{name}_weight"] for name in Fusion().weights}
    assert (Chunking().max_tokens, Chunking().context_tokens) == (defaults["chunk_tokens"], defaults["context_tokens"])
    assert KEYS["dense"].choices == FAMILIES
    for made in (ingest, add_documents, Writer.open):
        assert inspect.signature(made).parameters["dense"].default == defaults["dense"]
    for asked in (ask, Retriever.retrieve, evaluate):
        assert inspect.signature(asked).parameters["k"].default == defaults["k"]


def test_rows_name_every_key_once(tmp_path: Path) -> None:
    assert [name for name, _, _ in loaded(tmp_path).rows()] == list(KEYS)


def test_settings_in_words_win_over_all_others(tmp_path: Path) -> None:
    written(tmp_path, "late_weight = 3")
    settings = Settings.load(
        {"k": 4}, against="late_weight = 1.5, fusion='rrf' , k = 7, reranker =", folder=tmp_path, environ={"RAG_K": "9"}
    )
    assert (settings.late_weight, settings.fusion, settings.k) == (1.5, "rrf", 7)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("late_weight 2", "'late_weight 2' is not a setting with a value"),
        ("late_weight =", "'late_weight =' is not a setting with a value"),
        ("late_wait = 2", r"late_wait in 'late_wait = 2': did you mean late_weight\?"),
        ("late_weight = 200", r"late_weight = 200.0 \('late_weight = 200'\) is out of range"),
        ("k = many", "k='many' is not a whole number"),
    ],
)
def test_words_that_are_no_settings_are_refused(tmp_path: Path, words: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        Settings.load(against=words, folder=tmp_path, environ={})


def test_saved_settings_are_found_again_and_the_rest_of_the_file_stays(tmp_path: Path) -> None:
    save(tmp_path / "rag.toml", {"late_weight": 3.0})
    assert loaded(tmp_path).late_weight == 3.0
    path = written(tmp_path, "# ours\nk = 7 # enough\nlate_weight = 3.0\n")
    save(path, {"late_weight": 3.0, "lexical_weight": 0.5, "answer": "quotes"})
    assert path.read_text(encoding="utf-8") == (
        '# ours\nk = 7 # enough\nlate_weight = 3.0\nlexical_weight = 0.5\nanswer = "quotes"\n'
    )
    assert list(tmp_path.iterdir()) == [path]


def test_another_value_is_overwritten_only_where_that_is_meant(tmp_path: Path) -> None:
    text = "late_weight = 2 # tuned\nk = 7\n"
    path = written(tmp_path, text)
    with pytest.raises(SettingsError, match=r"has late_weight = 2 already.*--overwrite"):
        save(path, {"late_weight": 3.0})
    assert path.read_text(encoding="utf-8") == text
    save(path, {"late_weight": 3.0}, overwrite=True)
    assert path.read_text(encoding="utf-8") == "late_weight = 3.0 # tuned\nk = 7\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"# our notes\n# k = 7\n", b"# our notes\n# k = 7\nlate_weight = 3.0\n"),
        (b'generator = """\nlate_weight = 1\n"""\n', b'generator = """\nlate_weight = 1\n"""\nlate_weight = 3.0\n'),
        ("# a\u2028late_weight\n".encode(), "# a\u2028late_weight\nlate_weight = 3.0\n".encode()),
        (b'"late_weight" = 2\n', b'"late_weight" = 3.0\n'),
        (b"k = 7\r\nlate_weight = 1\r\n", b"k = 7\r\nlate_weight = 3.0\r\n"),
        (b"k = 7", b"k = 7\nlate_weight = 3.0\n"),
        (b"# a\r\nk = 3\r\n", b"# a\r\nk = 3\r\nlate_weight = 3.0\r\n"),
        (b"\xef\xbb\xbfk = 3\n", b"\xef\xbb\xbfk = 3\nlate_weight = 3.0\n"),
    ],
)
def test_everything_else_in_a_file_stays_to_the_byte(tmp_path: Path, before: bytes, after: bytes) -> None:
    path = tmp_path / "rag.toml"
    path.write_bytes(before)
    save(path, {"late_weight": 3.0}, overwrite=True)
    assert path.read_bytes() == after


@pytest.mark.skipif(os.name == "nt", reason="links and modes are POSIX's")
def test_a_link_stays_a_link_and_a_mode_a_mode(tmp_path: Path) -> None:
    target = written(tmp_path, "k = 7\n")
    target.chmod(0o600)
    (tmp_path / "project").mkdir()
    link = tmp_path / "project" / "rag.toml"
    link.symlink_to(target)
    save(link, {"late_weight": 3.0})
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "k = 7\nlate_weight = 3.0\n"
    assert target.stat().st_mode & 0o777 == 0o600


def test_a_file_that_may_not_be_written_to_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, "k = 7\n")
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write anywhere
    with pytest.raises(SettingsError, match="may not be written to"):
        save(path, {"late_weight": 3.0})
    assert path.read_text(encoding="utf-8") == "k = 7\n"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"rag\.toml cannot be written: No such file"):
        save(tmp_path / "gone" / "rag.toml", {"k": 3})


def test_prompts_are_tables_by_task(tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_text('k = 3\n[prompts.answer]\nsystem = "You are the porter."\n', encoding="utf-8")
    settings = Settings.load(folder=tmp_path, environ={})
    assert settings.k == 3
    assert settings.prompts == {"answer": {"system": "You are the porter."}}


def test_prompts_that_are_no_tables_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "rag.toml").write_text('prompts = "be nice"\n', encoding="utf-8")
    with pytest.raises(SettingsError, match=r"has to be tables such as \[prompts.answer\]"):
        Settings.load(folder=tmp_path, environ={})
