"""Corruption is found before it changes an answer: the same answers, an error that says what to do, or a new file.

Damage is done by a child process, so that one that ends it is noticed and named.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
STATES = ("closed", "killed", "all-in-log")


def damage(folder: Path, state: str, kind: str, first: int = 0, last: int = 0) -> tuple[int, int]:
    """How many damages were done, and how many were refused an answer; fails where one was answered wrongly."""
    command = [sys.executable, "-m", "tests.reliability.corrupting", str(folder), state, kind, str(first), str(last)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    lines = ended.stdout.splitlines()
    begun = [line for line in lines if line.startswith("next ")]
    assert ended.returncode == 0, f"exit {ended.returncode} after {begun[-1:]}: {ended.stderr[-2000:]}"
    wrong = "\n".join(line for line in lines if not line.startswith(("next ", "done ")))
    assert not wrong, wrong
    done = re.fullmatch(r"done (\d+) (\d+)", lines[-1])
    assert done
    return int(done[1]), int(done[2])


@pytest.mark.parametrize(("state", "count"), [("closed", 80), ("killed", 60), ("all-in-log", 30)])
def test_damage_is_never_a_wrong_answer(tmp_path: Path, state: str, count: int) -> None:
    done, refused = damage(tmp_path, state, "each", 0, count)
    assert done == count
    assert 0.2 * count < refused < count


def test_files_in_the_wrong_place_are_never_a_wrong_answer(tmp_path: Path) -> None:
    done, refused = damage(tmp_path, "killed", "exchange")
    assert done == 34
    assert 10 < refused < done


@pytest.mark.slow
@pytest.mark.parametrize("part", range(5))
@pytest.mark.parametrize("state", STATES)
def test_ten_thousand_damages_are_never_a_wrong_answer(tmp_path: Path, state: str, part: int) -> None:
    """All parts are 10,500 damages."""
    first = 1000 + 700 * part
    done, refused = damage(tmp_path, state, "each", first, first + 700)
    assert done == 700
    assert 140 < refused < done
