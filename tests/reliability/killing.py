"""Ingests a folder again and again, and is killed each time: `python -m tests.reliability.killing`.

One request a line on stdin, as JSON; each is run in a fork of this process, which has imported everything and has run
nothing: starting Python takes a hundred times longer than what is to be killed. (FAISS must not run before a fork.)
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import faiss  # noqa: F401 (only for the forks to have it)

from rag import intake
from rag.corpus.readers import reader_for
from rag.datatypes import Document
from rag.index import dense
from rag.index.late import TokenCodec
from rag.index.split import split
from rag.index.writer import Writer
from rag.pipeline import ingest
from rag.text.terms import terms
from tests.reliability.folders import CHUNKING, EMBEDDER, text


def warmed() -> None:
    """Import what is imported on first use."""
    reader = reader_for(Path("a.md"))
    assert reader is not None
    document = reader.read(text(1).encode(), "a.md")
    assert isinstance(document, Document)
    texts = [chunk.text for chunk in split(document, EMBEDDER, CHUNKING)]
    for tokens in EMBEDDER.embed_texts(texts, tokens=True).tokens:
        TokenCodec(EMBEDDER.token_mean).encode(tokens)
    terms(texts[0])


def small_steps() -> None:
    """Several commits and derived files in each run."""
    intake.BATCH_TOKENS = 120
    dense.tail_limit = lambda base: min(base, 8)


def reported(pipe: int) -> None:
    """Let each commit write its number and what it holds to the pipe, once it has returned."""
    commit = Writer.commit

    def committed(self: Writer, *values: Any, **named: Any) -> int:
        number = commit(self, *values, **named)
        files = {source.path: source.digest for source in self.known().values()}
        os.write(pipe, json.dumps({"commit": number, "files": files}).encode() + b"\n")
        return number

    Writer.commit = committed  # type: ignore[method-assign]


def run(request: dict[str, Any], pipe: int) -> None:
    """One ingest, to its end if it may."""
    small_steps()
    reported(pipe)
    started = time.perf_counter()
    ingest([request["docs"]], request["index"], EMBEDDER, chunking=CHUNKING, rebuild=request["rebuild"], prune=True)
    os.write(pipe, json.dumps({"seconds": time.perf_counter() - started}).encode() + b"\n")


def killed(request: dict[str, Any]) -> list[dict[str, Any]]:
    """What a run wrote before it was killed."""
    readable, writable = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(readable)
        try:
            run(request, writable)
        except BaseException:  # noqa: BLE001 (reported)
            os.write(writable, json.dumps({"error": traceback.format_exc()[-3000:]}).encode() + b"\n")
        while True:
            signal.pause()  # whoever is early waits to be killed, its lock gone and its memory still there
    os.close(writable)
    time.sleep(request["wait"])
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(readable) as lines:
        return [json.loads(line) for line in lines]


def main() -> None:
    """Answer requests until there are no more."""
    warmed()
    for line in sys.stdin:
        print(json.dumps(killed(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
