"""What is left out without a word from the user: each by a rule that is told."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from rag.corpus.walk import Found, walk
from rag.datatypes import Source

TAG = "Signature: 8a477f597d28d172789f06886806bc55\n# made by a program\n"


def ended(root: Path, files: dict[str, str]) -> dict[str, str]:
    """Path → the rule that left it out, "" for a file that is read."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return {each.path: each.left_out if isinstance(each, Source) else "" for each in walk([root])}


def test_a_folder_is_one_entry_whatever_it_holds(tmp_path: Path) -> None:
    files = {f"node_modules/{number}/readme.md": "x" for number in range(50)}
    assert ended(tmp_path, {**files, "a.md": "x"}) == {"a.md": "", "node_modules": "node_modules"}


def test_a_build_folder_is_left_out_beside_what_builds_it(tmp_path: Path) -> None:
    files = {"build/a.md": "x", "b/target/c.md": "x", "b/Cargo.toml": "x", "dist": "a file of that name"}
    assert ended(tmp_path, files) == {
        "b/Cargo.toml": "",
        "b/target": "target beside Cargo.toml",
        "build/a.md": "",
        "dist": "",
    }


def test_caches_and_environments_say_what_they_are(tmp_path: Path) -> None:
    files = {"cached/CACHEDIR.TAG": TAG, "cached/a.md": "x", "env/pyvenv.cfg": "", "no/CACHEDIR.TAG": "signature"}
    assert ended(tmp_path, files) == {"cached": "a cache", "env": "a virtual environment", "no/CACHEDIR.TAG": ""}


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")
def test_a_tag_that_is_a_pipe_or_a_link_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    os.mkfifo(tmp_path / "a" / "CACHEDIR.TAG")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "CACHEDIR.TAG").symlink_to(tmp_path / "outside")
    (tmp_path / "outside").write_text(TAG)
    assert not any(isinstance(each, Source) and each.left_out for each in walk([tmp_path]))
    assert [each.path for each in walk([tmp_path]) if isinstance(each, Found)] == ["b/CACHEDIR.TAG", "outside"]
