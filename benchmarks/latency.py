"""Seconds from a cold shell: a whole `rag search`, and the first sentence of `rag ask`, on the handbook's index.

    python benchmarks/latency.py [--runs N]

Each run is a process of its own, from its start to its end or to its first line on standard output, of one of four
questions; medians of N of each after one to warm the disk's cache. Nothing else should run meanwhile.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
CORPUS = ROOT / "corpora" / "handbook" / "documents"
QUESTIONS = (  # of the first one, nothing that the built-in language model writes stands: the quotes are shown
    "Which control software version runs on the K3 router?",
    "Why did the board turn down the used catamaran?",
    "海棠-7给链条加的是哪种润滑油？",
    "出差报销单超过多少天提交就会被拒绝？",
)
COMMANDS = {
    "rag --help": ["--help"],
    "rag search": ["search"],
    "rag ask, quotes, first sentence": ["ask", "--answer", "quotes"],
    "rag ask, prose, first sentence": ["ask", "--answer", "prose"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        index = ["--index", f"{folder}/index"]
        subprocess.run([*rag(), "ingest", str(CORPUS), *index], check=True, capture_output=True)
        for name, words in COMMANDS.items():
            asked = [words] if words == ["--help"] else [[*words, *index, question] for question in QUESTIONS]
            medians = [
                statistics.median([timed(each, first="first" in name) for _ in range(runs + 1)][1:]) for each in asked
            ]
            by_question = " ".join(f"{seconds:.2f}" for seconds in medians)
            print(f"{name:34} {statistics.median(medians):5.2f} s   by question {by_question}", flush=True)


def rag() -> list[str]:
    """The command line of this checkout."""
    return [sys.executable, str(ROOT / "cli.py")]


def timed(words: list[str], *, first: bool) -> float:
    """Seconds until the process ends or, with `first`, until it has printed a line."""
    started = time.perf_counter()
    with subprocess.Popen([*rag(), *words], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout
        process.stdout.readline()
        seconds = time.perf_counter() - started
        process.communicate()
        return seconds if first else time.perf_counter() - started


if __name__ == "__main__":
    main()
