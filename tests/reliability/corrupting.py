"""Damages an index in many ways: `python -m tests.reliability.corrupting FOLDER STATE KIND FIRST LAST`.

It says on stdout what comes next, so that whoever started it knows which damage ended this process, what went wrong,
and at the end how many damages there were and how many were refused.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path

from rag.errors import RagError
from rag.index.index import Index
from tests.index.samples import open_writer
from tests.reliability import everything
from tests.reliability.asking import Answers, ask
from tests.reliability.damages import DERIVED, KINDS, LOG, Changed, damaged
from tests.reliability.everything import Sound
from tests.reliability.exchanges import exchanges

STATES = {"closed": ("index", 7), "killed": ("index-7", 4), "all-in-log": ("index-4", 0)}
"""Which copy of the index each is, and the commit that its database is at without its log."""

HELP = ("rag ", "echo gen-", "Check the disk")
"""What a message helps with: a command, or a place to look."""


def main(folder: Path, state: str, kind: str, first: int, last: int) -> None:
    """Damage the index once for each seed, in one way or in "each"; "exchange" exchanges files in all ways."""
    everything.make_small()
    logging.disable()
    everything.built(folder / "index")
    good = everything.sound(folder / STATES[state][0])
    refused = count = 0
    for name, changed, right in _cases(folder, good, state, kind, range(first, last)):
        print(f"next {state}: {name}", flush=True)
        found, problems = tried(folder / "damaged", good, changed, right)
        refused, count = refused + found, count + 1
        for problem in problems:
            print(f"wrong {state}: {name} ({', '.join(changed)}): {problem}")
    print(f"done {count} {refused}")


def _cases(
    folder: Path, good: Sound, state: str, kind: str, seeds: range
) -> Iterator[tuple[str, Changed, list[Answers]]]:
    """The name of each damage, what it changes, and the answers of which commits are right then."""
    if kind == "exchange":
        yield from ((each.name, each.changed, each.right) for each in exchanges(folder, good))
        return
    for seed in seeds:
        name = kind if kind != "each" else list(KINDS)[seed % len(KINDS)]
        changed = damaged(name, seed, good.files)
        # A log that ends early is that of an earlier commit: nothing inside tells one from the other.
        of_log = any(name.endswith(LOG) for name in changed)
        yield f"{name} {seed}", changed, good.commits[STATES[state][1] if of_log else -1 :]


def tried(path: Path, good: Sound, changed: Changed, right: list[Answers]) -> tuple[bool, list[str]]:
    """Whether a question was refused, and what is wrong with the others."""
    put(path, good, changed)
    try:
        answers, refused = ask(path, good.documents, good.rows)
        return bool(refused), [*wrong(path, right, answers, refused), *repaired(path, good, changed)]
    except Exception:  # noqa: BLE001
        return False, [traceback.format_exc()]


def put(path: Path, good: Sound, changed: Changed) -> None:
    """Make `path` the index with some files that are not what they were, and nothing else in its folders."""
    for file in path.rglob("*"):
        if file.is_file() and str(file.relative_to(path)) not in good.files:
            file.unlink()
    for name, data in {**good.files, **changed}.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        if data is None:
            file.unlink(missing_ok=True)
        else:
            file.write_bytes(data)


def wrong(path: Path, right: list[Answers], answers: Answers, refused: dict[str, str]) -> Iterator[str]:
    """What must not be: an answer of no commit, a message that helps nobody, damage that `rag check` does not see."""
    if answers in right:
        return
    if right and not any(answers.items() <= each.items() for each in right):
        other = [name for name in answers if answers[name] != right[-1].get(name)]
        yield f"other answers: {other}, refused: {len(refused)}"
    for name, message in refused.items():
        if str(path) not in message or not any(each in message for each in HELP):
            yield f"{name}: {message}"
    if refused and not noticed(path):
        yield f"rag check does not notice what {list(refused.items())[:3]} do"


def noticed(path: Path) -> list[str]:
    """What `rag check` says."""
    try:
        with Index.open(path) as index:
            return index.check()
    except RagError as error:
        return [str(error)]


def repaired(path: Path, good: Sound, changed: Changed) -> Iterator[str]:
    """What is still wrong after the next commit, where only a derived file was damaged."""
    if not all(name.endswith(DERIVED) for name in changed):
        return
    with open_writer(path):
        pass
    if problems := noticed(path):
        yield f"not made anew: {problems}"
    answers, refused = ask(path, good.documents, good.rows)
    later = {"commit", "status"}
    other = [name for name in answers if name not in later and answers[name] != good.commits[-1][name]]
    if other or refused:
        yield f"made anew, other answers: {other} {refused}"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
