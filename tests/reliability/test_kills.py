"""Kill -9 loses nothing that was acknowledged and leaves nothing that was not there."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rag.errors import IndexMissing
from rag.index import dense
from rag.index.index import Index
from rag.pipeline import ingest
from tests.reliability.folders import CHUNKING, EMBEDDER, ROOT, Folder, answers, held, same

AFRESH = 25  # kills after which the index is compared with a fresh one, and made anew


class Killed:
    """A folder, its index, and a process that ingests the one into the other and is killed."""

    def __init__(self, path: Path, seed: int, process: subprocess.Popen[str]) -> None:
        self.seed = seed
        self.generator = random.Random(seed)
        self.folder = Folder(path / "docs", self.generator)
        self.index = path / "index"
        self.process = process
        self.before: dict[str, str] = {}
        self.commit = 0
        self.typical = 0.3  # seconds that an ingest takes, from start to end; learned
        self.endings = {"before": 0, "between": 0, "after": 0}

    def run(self, kills: int) -> None:
        """Change, ingest, kill, look; now and then also compare with an index that was never killed."""
        for kill in range(1, kills + 1):
            self.folder.change(self.generator.randint(1, 8))
            rebuild = (self.index / "CURRENT").exists() and self.generator.random() < 0.15
            reports = self.killed(rebuild=rebuild)
            try:
                self.look(reports, rebuild=rebuild)
                if kill % AFRESH == 0:
                    self.compare()
            except AssertionError as error:
                error.add_note(f"seed {self.seed}, kill {kill}, rebuild {rebuild}, reports {reports}")
                raise

    def killed(self, *, rebuild: bool) -> list[dict[str, Any]]:
        """What an ingest reported until it was killed."""
        wait = self.generator.uniform(0, 1.1) * self.typical
        request = {"docs": str(self.folder.path), "index": str(self.index), "rebuild": rebuild, "wait": wait}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        reports: list[dict[str, Any]] = json.loads(self.process.stdout.readline())
        assert not any("error" in report for report in reports), reports
        self.typical *= 1.02
        for report in reports:
            self.typical += (report.get("seconds", self.typical) - self.typical) / 3
        return reports

    def look(self, reports: list[dict[str, Any]], *, rebuild: bool) -> None:
        """The index must be at the last commit that was reported, or at the one that was under way."""
        commit, found = self.opened()
        done = any("seconds" in report for report in reports)
        acknowledged = [report for report in reports if "commit" in report]
        wanted = self.folder.texts
        for name in found.keys() | self.before.keys():
            assert found.get(name) in (self.before.get(name), wanted.get(name)), f"{name} is what it never was"
        if done:
            assert found == wanted
        elif rebuild:
            assert found in (self.before, wanted)
        elif acknowledged:
            self.kept(acknowledged[-1], commit, found)
        else:
            assert commit in (self.commit, self.commit + 1)
            assert found == self.before or commit > self.commit
        moved = found != self.before
        self.endings["after" if done or found == wanted else "between" if moved else "before"] += 1
        self.before, self.commit = found, commit

    def kept(self, last: dict[str, Any], commit: int, found: dict[str, str]) -> None:
        """What was acknowledged is there, or what replaced it in the one commit that may have followed."""
        assert commit in (last["commit"], last["commit"] + 1)
        digests = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in found.items()}
        if commit == last["commit"]:
            assert digests == last["files"]
        for name, digest in last["files"].items():
            assert digests.get(name) == digest or found.get(name) == self.folder.texts.get(name), f"{name} is lost"

    def opened(self) -> tuple[int, dict[str, str]]:
        """The commit of the index, and its texts by file."""
        try:
            with Index.open(self.index, embedder=EMBEDDER, chunking=CHUNKING) as index:
                return index.commit, held(index)
        except IndexMissing:
            assert self.before == {}
            return 0, {}

    def compare(self) -> None:
        """After one more ingest, the index is as good as one that was never killed; then begin anew."""
        fresh = self.index.with_name("fresh")
        for path in (self.index, fresh):
            ingest([self.folder.path], path, EMBEDDER, chunking=CHUNKING, prune=True)
        with Index.open(self.index) as index, Index.open(fresh) as wanted:
            assert held(index) == held(wanted) == self.folder.texts
            assert same(answers(index), answers(wanted))
        shutil.rmtree(fresh)
        shutil.rmtree(self.index)
        self.before, self.commit = {}, 0


@contextmanager
def killer() -> Iterator[subprocess.Popen[str]]:
    """The process whose forks are killed."""
    command = [sys.executable, "-m", "tests.reliability.killing"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0


def kill_while_ingesting(path: Path, kills: int, seed: int) -> None:
    """Kill so many ingests; some must have been killed before, some between and some after their commits."""
    with killer() as process:
        killed = Killed(path, seed, process)
        killed.run(kills)
    assert min(killed.endings.values()) > kills // 20, f"seed {seed}: {killed.endings}"


@pytest.fixture(autouse=True)
def small_bases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dense, "tail_limit", lambda base: min(base, 8))


def test_two_hundred_killed_ingests_lose_nothing_and_leave_no_phantom(tmp_path: Path) -> None:
    kill_while_ingesting(tmp_path, 200, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 11))
def test_five_thousand_killed_ingests_lose_nothing_and_leave_no_phantom(tmp_path: Path, seed: int) -> None:
    kill_while_ingesting(tmp_path, 500, seed)
