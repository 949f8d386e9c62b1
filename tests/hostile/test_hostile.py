"""Hostile files are boring: each ends in a state that it may end in, and the ordinary ones beside them are indexed.

By default a sample of them; all of them among 1,000 ordinary ones are `slow`. `tests/hostile/make.py` writes them.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rag.datatypes import State
from tests.hostile.case import CANARY, Case
from tests.hostile.make import cases, make
from tests.hostile.watched import SECONDS

MOST_MEMORY = 10**9
MOST_SECONDS = 2 * SECONDS + 2
"""Of a file: it is read a second time where the process died that had read others before it."""
CODE = Path(__file__).parents[2]

SAMPLE = {
    *("xml/billion-laughs.docx", "xml/entity-of-secret.docx", "xml/xinclude.xhtml", "xml/entity-of-passwd.svg"),
    *("xml/quadratic-blowup.xhtml", "xml/entity-of-http.docx", "xml/cut-in-half.docx", "xml/entity-of-secret.epub"),
    *("html/nested-100000-deep.html", "html/frames-and-links-outside.html", "html/colspan-of-2-billion.html"),
    *("archives/nested-60-levels.zip", "archives/overlapping-1000.zip", "archives/member-name-dot-dot.zip"),
    *("archives/lying-bomb-named.docx", "archives/symlink-to-secret.tar", "archives/absolute.tar"),
    *("pdf/kids-loop.pdf", "pdf/prev-loop.pdf", "pdf/outline-loop.pdf", "pdf/count-of-2-billion.pdf"),
    *("pdf/launch.pdf", "pdf/stream-in-a-file-outside.pdf", "pdf/cut-at-5-tenths.pdf", "pdf/offsets-wrong.pdf"),
    *("pdf/form-draws-itself.pdf", "pdf/length-lies.pdf", "pdf/media-box-absurd.pdf"),
    *("images/png-100000x100000.png", "images/tiff-loop.tif", "mail/boundary-missing.eml", "data/types-lie.ipynb"),
    *("data/nested-100000.json", "text/utf-8-overlong.txt", "text/utf-16-lone-surrogates.txt", "text/escapes.txt"),
    *("text/includes-a-file.rst", "text/front-matter-python.md", "text/brackets-100000.md", "books/outside.epub"),
    *("links/to-secret.txt", "links/to-root", "links/chain/one.txt", "links/to-zeros.txt", "kinds/pipe.txt"),
    *("kinds/socket.txt", "kinds/sparse-10-GB.txt", "kinds/described-from-outside.txt", "names/new\nline.txt"),
    *("names/\x1b[31mred\x1b[0m.txt", "names/caf\\xe9.txt", "names/invoice\u202etxt.exe.md", "names/-rf.txt"),
}


def ordinary(root: Path, count: int) -> list[str]:
    """Files of a few words each, as people write them, among the hostile ones."""
    names = []
    folders = sorted({path.parent for path in root.rglob("*") if "deep" not in path.parts and not path.is_symlink()})
    for number in range(count):
        suffix, text = (
            (".md", f"# Pump {number}\n\nThe pump {number} needs oil every {number} days.\n"),
            (".txt", f"The winch {number} holds {number} m of rope.\n"),
            (".html", f"<title>Oven</title><p>The oven {number} is cleaned on day {number}.</p>"),
            (".md", f"# 水泵 {number}\n\n水泵{number}每{number}天加一次油。\n"),
        )[number % 4]
        path = folders[number % len(folders)] / f"ordinary {number}{suffix}"
        path.write_text(text, encoding="utf-8")
        names.append(path.relative_to(root).as_posix())
    return names


def watched(root: Path, index: Path, trace: Path | None = None) -> dict[str, Any]:
    """What a process that ingests the folder says of itself; its system calls go to `trace`."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.hostile.watched", str(root), str(index)]
    if trace:
        calls = "trace=open,openat,openat2,connect,execve"
        command = ["strace", "-f", "-qq", "-o", str(trace), "-s", "4096", "-e", calls, *command]
    environment = {**os.environ, "PYTHONPATH": str(CODE), "PYTHONUTF8": "1"}
    done = subprocess.run(command, capture_output=True, cwd=CODE, env=environment, check=False)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def wrong_states(made: Sequence[Case], states: dict[str, list[str]]) -> dict[str, Any]:
    """Those that ended in a state in which they may not end, or in none. An archive with members is a folder."""
    folders = {path.partition("!/")[0] for path in states if "!/" in path}
    return {
        case.path: states.get(case.path)
        for case in made
        if (case.path not in states and case.path not in folders)
        or (case.path in states and State(states[case.path][0]) not in case.states)
    }


def check(folder: Path, chosen: Iterable[Case], count: int) -> dict[str, Any]:
    """Ingest the chosen ones among ordinary files; all that holds of them together."""
    root, made, missing = make(folder, iter(chosen))
    plain = ordinary(root, count)
    for path, why in missing.items():
        print(f"not here: {path!a}: {why}")
    told = watched(root, folder / "index")
    states = told["states"]
    assert {path: states.get(path) for path in plain if states.get(path, [""])[0] != State.INDEXED} == {}
    assert wrong_states(made, states) == {}
    assert told["leaks"] == []
    assert told["strange"] == []
    assert told["peak"] < MOST_MEMORY
    assert told["slowest"][0][0] < MOST_SECONDS
    return told


def test_a_sample_of_hostile_files_ends_as_it_may(tmp_path: Path) -> None:
    chosen = [case for case in cases() if case.path in SAMPLE]
    assert {case.path for case in chosen} == SAMPLE
    told = check(tmp_path, chosen, 20)
    files = told["files"]
    assert files["seen"] == sum(
        files[name] for name in ("indexed", "unchanged", "empty", "duplicate", "failed", "skipped")
    )


@pytest.mark.slow
def test_all_of_them_among_a_thousand_ordinary_ones(tmp_path: Path) -> None:
    told = check(tmp_path, cases(), 1000)
    print({what: told[what] for what in ("files", "slowest", "peak")})


@pytest.mark.skipif(not shutil.which("strace"), reason="strace sees what libraries in C open")
def test_no_library_opens_anything_outside_or_connects(tmp_path: Path) -> None:
    asking = [
        case for case in cases() if any(word in case.path for word in ("outside", "entity-of", "dtd", "xinclude"))
    ]
    root, _, _ = make(tmp_path, (case for case in asking if "device" not in case.path))
    trace = tmp_path / "trace"
    told = watched(root, tmp_path / "index", trace)
    assert told["leaks"] == []
    calls = trace.read_text(encoding="utf-8", errors="replace").splitlines()
    assert any(f"{root}/" in call for call in calls)
    touched = [call for call in calls if "secret.txt" in call and " = -1 " not in call]
    assert touched == []
    inet = [call for call in calls if "connect(" in call and "AF_INET" in call]
    assert inet == []
    # The libraries of the system ask for /etc/passwd to know whose process it is; no file does.
    assert not any("/etc/passwd" in text for text in map(str, told["states"].values()))


def test_there_are_more_than_200_and_each_is_there_once() -> None:
    paths = [case.path for case in cases()]
    assert len(paths) == len(set(paths)) > 200
    assert all(case.states for case in cases())


def test_they_are_the_same_each_time(tmp_path: Path) -> None:
    some = ("pdf/kids", "books", "images/tiff", "archives/member", "mail/attachment", "xml/entity-of")
    chosen = [case for case in cases() if case.path.startswith(some)]
    first, made, _ = make(tmp_path / "a", iter(chosen))
    second, _, _ = make(tmp_path / "b", iter(chosen))
    assert len(made) > 30
    assert {case.path: (first / case.path).read_bytes() == (second / case.path).read_bytes() for case in made} == {
        case.path: True for case in made
    }
    assert CANARY in (tmp_path / "a" / "outside" / "secret.txt").read_text()
