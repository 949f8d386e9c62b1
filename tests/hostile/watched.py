"""Ingest a folder in a process of its own and say what it did: python -m tests.hostile.watched ROOT INDEX

One JSON object on stdout: how each source ended, what was opened outside of the root, the slowest files, the peak of
memory.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rag.corpus.parsing import Parser
from rag.corpus.readers import Parsed, Reader
from rag.corpus.sandbox.limits import Limits
from rag.corpus.sandbox.pool import Sandbox
from rag.index.index import Index
from rag.models.fakes import HashEmbedder
from rag.pipeline import ingest

SECONDS = 8.0
"""That a file may take; what takes longer is failed."""
NETWORK = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "urllib.Request", "ftplib")


class Watch:
    """An audit hook: files that are opened outside of where they may be, and anything that goes to a network."""

    def __init__(self, root: Path, index: Path) -> None:
        code = (Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2])
        own = (root, index, *code, Path("/proc"), Path("/sys"))
        self.synced = str(index.resolve().parent)  # after a new name in it
        self.allowed = tuple(f"{each.resolve()}/" for each in own)
        self.strange: list[str] = []

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith(NETWORK) or event in ("os.system", "os.exec"):
            self.strange.append(f"{event} {arguments!a}"[:300])
        elif event == "open" and isinstance(arguments[0], (str, bytes)):
            path = os.path.realpath(os.fsdecode(arguments[0]))
            system = ("/dev/null", "/dev/urandom", "/etc/localtime")
            if path not in (self.synced, *system) and not f"{path}/".startswith(self.allowed):
                self.strange.append(f"open {path!a}"[:300])


class Timed:
    """A parser that knows how long each file took; the files within one not counted."""

    def __init__(self, inner: Parser) -> None:
        self._inner = inner
        self.taken: dict[str, float] = {}

    def parse(self, reader: Reader, data: bytes, path: str) -> Parsed:
        """What the parser within says."""
        started = time.perf_counter()
        parsed = self._inner.parse(reader, data, path)
        self.taken[path] = time.perf_counter() - started
        return parsed


def main(root: Path, index: Path) -> dict[str, Any]:
    """What became of the folder."""
    embedder = HashEmbedder()
    _warmed(embedder)
    watch = Watch(root, index)
    sys.addaudithook(watch)
    with Sandbox(Limits(seconds=SECONDS)) as sandbox:
        parser = Timed(sandbox)
        report = ingest([root], index, embedder, parser=parser)
    with Index.open(index) as opened:
        sources = opened.all_sources()
        said = {source.path: opened.text(source.document) for source in sources if source.document}
    return {
        "files": report.files,
        "states": {source.path: [source.state.value, source.reason] for source in sources},
        "leaks": [path for path, text in said.items() if "CANARY-OUTSIDE" in text or "root:x:0" in text],
        "strange": watch.strange,
        "slowest": sorted(((seconds, path) for path, seconds in parser.taken.items()), reverse=True)[:20],
        "peak": _peak(),
    }


def _warmed(embedder: HashEmbedder) -> None:
    """Have what an ingest imports imported: urllib3, which a splitter brings along, binds a socket when loaded."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("md", "html"):
            Path(folder, f"a.{suffix}").write_text("word " * 5000)
        ingest([folder], Path(folder, "index"), embedder)


def _peak() -> int:
    """Bytes of memory that this process had at once at most; 0 where the system does not tell."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells begins with the memory of the process that started this one
        (line,) = [line for line in status.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM:")]
        return int(line.split()[1]) * 1024
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


if __name__ == "__main__":
    told = main(Path(sys.argv[1]), Path(sys.argv[2]))
    json.dump(told, sys.stdout)
