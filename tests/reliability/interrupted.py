"""`rag ingest` with an embedder that takes its time, to be interrupted.

Says on stdout how many texts it has embedded; kills itself before it embeds more than `most`.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence

from rag import intake, slabs
from rag.datatypes import Embeddings
from rag.models.fakes import HashEmbedder

BATCH_TOKENS, SLAB_CHUNKS = 600, 4


class SlowEmbedder(HashEmbedder):
    """Takes `pause` seconds for each slab, and dies rather than embed more than `most` texts."""

    def __init__(self, pause: float = 0.0, most: float = float("inf")) -> None:
        super().__init__(dimension=32)
        self.pause = pause
        self.most = most
        self.count = 0

    def embed_texts(self, texts: Sequence[str], *, tokens: bool = False) -> Embeddings:
        if self.count + len(texts) > self.most:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.pause)
        self.count += len(texts)
        print(self.count, flush=True)
        return super().embed_texts(texts, tokens=tokens)


def main(docs: str, index: str, pause: float, most: float) -> None:
    """The command line, with that embedder in place of a model."""
    import rag.cli.parts
    import rag.models.load
    from rag.cli import main as command

    intake.BATCH_TOKENS, slabs.SLAB_CHUNKS = BATCH_TOKENS, SLAB_CHUNKS
    rag.cli.parts.fetch = lambda name: None
    rag.models.load.load_embedder = lambda _name, **_options: SlowEmbedder(pause, most)
    sys.argv = ["rag", "ingest", docs, "--index", index]
    command()
