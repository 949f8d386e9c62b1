"""`.ragignore` has the rules of gitignore(5); git itself is asked where it is installed."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from rag.corpus.ignore import decides, glob, parse
from rag.corpus.walk import Found, walk
from rag.datatypes import Source
from rag.errors import CorpusError


def ignored(text: str, path: str) -> bool:
    """Whether a root's rules leave out a path; one that ends in `/` is a folder."""
    parts = path.rstrip("/").split("/")
    for upto in range(1, len(parts) + 1):
        rule = decides([parse(text, ())], parts[:upto], folder=upto < len(parts) or path.endswith("/"))
        if rule and not rule.negated:
            return True
    return False


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def read(root: Path) -> list[str]:
    return [each.path for each in walk([root]) if isinstance(each, Found)]


def left(root: Path) -> dict[str, str]:
    """What a `.ragignore` left out, with the rule."""
    found = {each.path: each.left_out for each in walk([root]) if isinstance(each, Source)}
    return {path: rule for path, rule in found.items() if rule != "hidden"}


@pytest.mark.parametrize(
    ("rules", "yes", "no"),
    [
        ("*.tmp", "a.tmp b/c/d.tmp", "a.tmp.md"),
        ("/a.md", "a.md", "b/a.md"),
        ("b/a.md", "b/a.md", "c/b/a.md"),
        ("drafts/", "drafts/ x/drafts/a.md", "drafts"),
        ("a/**/b", "a/b a/x/b a/x/y/b", "b a/xb"),
        ("**/b", "b a/b a/x/b", "xb"),
        ("a/**", "a/b a/x/b", "a/ b"),
        ("*.md\n!keep.md", "a.md", "keep.md"),
        ("x/\n!x/keep.md", "x/keep.md", "y"),  # nothing below a folder that is left out comes back
        ("# *\n\n   \n\\#a\n\\!b", "#a !b", "a"),
        ("a\\ \nb  ", "a\u0020 b", "a"),
        ("[a-c]x\n[!0-9]y\n[[:digit:]]z\n[]]w", "bx ay 5z ]w", "dx 3y az w"),
        ("????.md", "四个汉字.md", "三个字.md"),
        ("\ufeffa.md\r\nb.md\r\n", "a.md b.md", "c.md"),
        ("/\n//\n[\n[[:no:]]\n\\", "", "a / [ \\"),  # malformed lines name nothing
    ],
)
def test_rules_are_those_of_gitignore(rules: str, yes: str, no: str) -> None:
    paths = {**dict.fromkeys(yes.split(" "), True), **dict.fromkeys(no.split(" "), False)}
    paths.pop("", None)
    if rules.startswith("a\\ "):
        paths = {"a ": True, "b": True, "a": False}
    assert {path: ignored(rules, path) for path in paths} == paths


def test_the_nearest_file_decides_and_is_named(tmp_path: Path) -> None:
    root = tree(
        tmp_path,
        {
            ".ragignore": "*.log\n/old/\n",
            "a.log": "x",
            "old/a.md": "x",
            "sub/.ragignore": "# what is worth keeping\n!keep.log\n/old\n",
            "sub/keep.log": "x",
            "sub/b.log": "x",
            "sub/old": "x",
            "sub/deep/old": "x",
        },
    )
    assert read(root) == ["sub/deep/old", "sub/keep.log"]
    assert left(root) == {
        "a.log": ".ragignore:1 (*.log)",
        "old": ".ragignore:2 (/old/)",
        "sub/b.log": ".ragignore:1 (*.log)",
        "sub/old": "sub/.ragignore:3 (/old)",
    }


def test_what_is_left_out_by_default_can_be_brought_in(tmp_path: Path) -> None:
    files = {".ragignore": "!.notes/\n!build/\n", ".notes/a.md": "x", "build/b.md": "x", "Makefile": "x", ".c": "x"}
    assert read(tree(tmp_path, files)) == [".notes/a.md", "Makefile", "build/b.md"]


def test_gitignore_is_not_heeded(tmp_path: Path) -> None:
    assert read(tree(tmp_path, {".gitignore": "*.md\n", "a.md": "x"})) == ["a.md"]


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
def test_a_ragignore_that_cannot_be_heeded_stops_before_anything_is_read(tmp_path: Path) -> None:
    outside = tree(tmp_path / "outside", {"secret": "*.md"})
    root = tree(tmp_path / "docs", {"a.md": "x", "sub/b.md": "x", "rules": "b.md\n"})
    file = root / "sub" / ".ragignore"
    file.symlink_to(root / "rules")
    assert read(root) == ["a.md", "rules"]
    file.unlink()
    file.symlink_to(outside / "secret")
    with pytest.raises(CorpusError, match=r"ragignore cannot be heeded \(a link that leads out .* Nothing was removed"):
        read(root)
    file.unlink()
    os.mkfifo(file)
    with pytest.raises(CorpusError, match="not a regular file"):
        read(root)
    file.unlink()
    file.write_text("a\n" * 40_000)
    with pytest.raises(CorpusError, match="longer than 64 KiB"):
        read(root)


@pytest.mark.parametrize("pattern", ["*a" * 120 + "b", "*?" * 120 + "b", "**/" * 120 + "b", "[a-c]*" * 50 + "x"])
def test_no_pattern_takes_long(pattern: str) -> None:
    started = time.process_time()
    assert not ignored(pattern, "a" * 250)
    assert not ignored(pattern, "/".join("a" * 100))
    assert time.process_time() - started < 1


def test_a_star_is_found_wherever_it_can_be() -> None:
    pattern = glob("*ab*b")
    assert pattern
    assert [bool(pattern.fullmatch(name)) for name in ("abb", "ab", "xabyb", "aab", "abab")] == [
        True,
        False,
        True,
        False,
        True,
    ]


ATOMS = [
    *("a", "b", "ab", "*", "**", "?", "*.txt", "foo", "foo*", "[ab]", "[!a]", "[^b]", "\\#x", "\\!y", "#x", "a\\ b"),
    *("c\\ ", "c ", "é.txt", "*.m[dx]", "\\[x\\]", "a*b", "[a-c]", ".h", ".*", "[[:alpha:]]", "\\*", "f\\oo", "[]a]"),
    *("***", "[", "[z-a]", "\\"),
]
NAMES = ["a", "b", "ab", "a.txt", "b.md", "foo", "foo.txt", "#x", "!y", "a b", "c ", "[x]", "é.txt", ".h", "\\"]


def some_rule(draw: random.Random) -> str:
    rule = "/".join(draw.choice(ATOMS) for _ in range(draw.choice([1, 1, 1, 2, 2, 3])))
    front, end = draw.choice(["", "", "", "/"]), draw.choice(["", "", "", "/", "  "])
    return f"{draw.choice(['', '', '', '!'])}{front}{rule}{end}"


def some_tree(folder: Path, draw: random.Random, depth: int = 0) -> None:
    for name in draw.sample(NAMES, 6):
        if depth < 2 and draw.random() < 0.4:
            (folder / name).mkdir()
            some_tree(folder / name, draw, depth + 1)
        else:
            (folder / name).write_text("")
    if draw.random() < 0.5:
        (folder / ".gitignore").write_text("\n".join(some_rule(draw) for _ in range(draw.choice([1, 2, 4]))) + "\n")


@pytest.mark.skipif(os.name == "nt" or not shutil.which("git"), reason="asks git")
@pytest.mark.parametrize("seed", range(12))
def test_git_says_the_same(tmp_path: Path, seed: int) -> None:
    some_tree(tmp_path, random.Random(seed))
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    inside = [path for path in tmp_path.rglob("*") if path.relative_to(tmp_path).parts[0] != ".git"]
    asked = sorted(path.relative_to(tmp_path).as_posix() for path in inside)
    told = subprocess.run(
        ["git", "-C", str(tmp_path), "-c", "core.excludesFile=", "check-ignore", "--no-index", "-z", "--stdin"],
        input="\0".join(asked).encode(),
        capture_output=True,
        check=False,
    )
    ignores = [
        parse(file.read_text(), file.parent.relative_to(tmp_path).parts)
        for file in sorted(tmp_path.rglob(".gitignore"))
    ]

    def out(parts: tuple[str, ...]) -> bool:
        for upto in range(1, len(parts) + 1):
            above = ["/".join([*parts[:depth], ".ragignore"]) for depth in range(upto)]
            own = [each for each in ignores if each.rules and each.rules[0].file in above]
            rule = decides(
                sorted(own, key=lambda each: each.depth), parts[:upto], folder=tmp_path.joinpath(*parts[:upto]).is_dir()
            )
            if rule and not rule.negated:
                return True
        return False

    ours = {path for path in asked if out(tuple(path.split("/")))}
    assert ours == set(filter(None, told.stdout.decode().split("\0")))
