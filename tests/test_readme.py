"""Everything that README.md shows is run here, with the real models, and must print what it says."""

from __future__ import annotations

import doctest
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(kind: str) -> list[str]:
    return [content for name, content in BLOCK.findall(README) if name == kind]


def commands(session: str) -> Iterator[tuple[str, str]]:
    """Each command of a console block with the output shown for it; `...` in it stands for anything."""
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, shown = part.partition("\n")
        yield command, shown


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that looks like a fresh checkout: the corpora, and nowhere an index."""
    folder = tmp_path_factory.mktemp("checkout")
    shutil.copytree(ROOT / "corpora" / "handbook", folder / "corpora" / "handbook")
    (folder / "indexes").mkdir()
    return folder


@pytest.mark.models
def test_the_sessions_print_what_they_show(checkout: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ours = {name: os.environ[name] for name in os.environ if not name.startswith("RAG_") or name == "RAG_MODELS"}
    environment = {**ours, "PATH": path, "COLUMNS": "120"}
    shown = [pair for block in blocks("console") for pair in commands(block)]
    assert len(shown) >= 8
    for command, expected in shown:
        assert shlex.split(command)[0] == "rag", command
        done = subprocess.run(
            command,
            shell=True,
            cwd=checkout,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode in (0, 1), f"{command}: {done.stdout}"
        got = done.stdout
        assert doctest.OutputChecker().check_output(expected, got, FLAGS), f"$ {command}\n{got}"


@pytest.mark.models
def test_the_python_examples_run(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(checkout)
    namespace: dict[str, object] = {}
    assert blocks("python")
    for block in blocks("python"):
        exec(compile(block, "README.md", "exec"), namespace)


def test_the_file_tree_is_the_one_that_is_here() -> None:
    (tree,) = [content for content in blocks("text") if content.startswith("rag/\n")]
    named = {line.split()[0] for line in tree.splitlines()[1:] if line.strip()}
    here = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in (ROOT / "rag").iterdir()
        if not path.name.startswith("_") and path.suffix in ("", ".py")
    }
    assert named == here


def test_every_command_stands_in_the_readme_with_its_help() -> None:
    listing = subprocess.run(
        [sys.executable, "cli.py", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    for name in re.findall(r"^ {2}(\w+) {2,}", listing, re.MULTILINE):
        assert f"rag {name}" in README, name
