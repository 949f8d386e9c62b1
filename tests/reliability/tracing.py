"""The workload in a child, under strace, which ends it or makes its system calls fail where it is told."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

KINDS = {
    "write": ("write", "pwrite64"),
    "sync": ("fsync", "fdatasync"),
    "cut": ("truncate", "ftruncate"),
    "rename": ("rename", "renameat", "renameat2"),
    "remove": ("unlink", "unlinkat", "rmdir"),
    "make": ("mkdir", "mkdirat", "openat"),
}
"""The system calls that change a folder of files; what a killed process leaves changes at these only."""

_ALL = ",".join(f"?{call}" for calls in KINDS.values() for call in calls)
_CALL = re.compile(r"^(?:\d+ +)?(\w+)\(")


class Refused(Exception):
    """This machine has no strace, or lets it trace nothing."""


@dataclass(frozen=True, slots=True)
class Point:
    """The `nth` call of its name that the workload makes, counted from 1."""

    call: str
    nth: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run of the workload ended, and the last state that it reported."""

    status: int
    reached: int
    said: str


class Tracer:
    """Children of one warm process, one at a time; the trace of the last one lies at `trace`."""

    def __init__(self, folder: Path) -> None:
        if not (strace := shutil.which("strace")):
            raise Refused("strace is not installed")
        self._strace = strace
        self.trace = folder / "trace"
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.reliability.forks"],
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        if self._line() != "ready":
            raise RuntimeError("the process that forks the workload did not start")

    def close(self) -> None:
        """End the warm process."""
        self._server.communicate()

    def run(self, path: Path, *injections: str, traced: str = _ALL, workload: str = "run") -> Outcome:
        """Run a workload on `path` with these `inject=` expressions of strace. Raises Refused."""
        self._say(f"{workload} {path}\n")
        child = self._line()
        command = [self._strace, "-f", "-y", "-s", "8", "-o", str(self.trace), "-e", "signal=none"]
        command += ["-e", f"trace={traced}"] + [part for each in injections for part in ("-e", f"inject={each}")]
        with subprocess.Popen([*command, "-p", child], stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            attached = strace.stderr.readline()
            self._say("\n")
            lines = self._rest()
            complaint = strace.stderr.read()
        if "attached" not in attached:
            raise Refused(f"strace may not trace here: {(attached + complaint).strip()}")
        reached = max((int(line) for line in lines if line.isdecimal()), default=0)
        said = "\n".join(line for line in lines[:-1] if not line.isdecimal())
        return Outcome(int(lines[-1].removeprefix("exit ")), reached, said)

    def points(self, path: Path, workload: str = "run") -> list[Point]:
        """The calls on files under `path` of a whole run, in their order: of `openat` those that may make a file."""
        outcome = self.run(path, workload=workload)
        assert outcome.status == 0, outcome
        seen: Counter[str] = Counter()
        found = []
        for line in self.trace.read_text("utf-8", "replace").splitlines():
            if match := _CALL.match(line):
                seen[match[1]] += 1
                if str(path) in line and (match[1] != "openat" or "O_CREAT" in line):
                    found.append(Point(match[1], seen[match[1]]))
        return found

    def _say(self, text: str) -> None:
        assert self._server.stdin is not None
        self._server.stdin.write(text)
        self._server.stdin.flush()

    def _line(self) -> str:
        assert self._server.stdout is not None
        return self._server.stdout.readline().rstrip("\n")

    def _rest(self) -> list[str]:
        lines = [self._line()]
        while lines[-1] and not lines[-1].startswith("exit "):
            lines.append(self._line())
        return lines
