"""Embeddings by the hash of what was embedded, so that nothing is embedded twice.

Many chunks may share one. An embedding that no chunk needs any more stays for a while: an edited file gets most of
its own back, a file that comes back gets all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from rag.datatypes import Embeddings
from rag.index.database import Database
from rag.index.late import TokenCodec
from rag.index.rows import Rows
from rag.index.schema import checksum

Floats = NDArray[np.float32]

MEAN_TOKENS = 1000
"""Token vectors from which a mean is good enough to stay, for a model that brings none."""
IDLE_LEAST, IDLE_SHARE = 1000, 10
"""Idle embeddings are kept up to the larger of 1,000 and a tenth of all, the latest first."""

_HAVE = "SELECT e.key, e.id FROM json_each(?) AS wanted JOIN embedding AS e ON e.key = wanted.value"


def embedding_key(text: str, fingerprint: str) -> str:
    """The name under which a model's embedding of a text is kept."""
    data = f"{fingerprint}\0{text}".encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=16).hexdigest()


class EmbeddingTable:
    """The embeddings of one index, inside the writer's transaction. `mean` (d,) is the model's mean token vector."""

    def __init__(self, database: Database, dimension: int, mean: Floats | None) -> None:
        self._database = database
        self._dimension = dimension
        self._mean = mean

    def ids(self, keys: Iterable[str]) -> dict[str, int]:
        """The ids of those embeddings that are kept."""
        return dict(self._database.all(_HAVE, (json.dumps(list(keys)),)))

    def keep(self, keys: Sequence[str], embeddings: Embeddings, commit: int) -> None:
        """Keep the embeddings (n, with tokens) of n keys; those that are kept already are left as they are.

        Raises ValueError where the numbers or the dimension do not fit.
        """
        self._require(keys, embeddings)
        held = self.ids(keys)
        new = {key: number for number, key in enumerate(keys) if key not in held}
        if not new:
            return
        first = int(self._database.all("SELECT coalesce(max(id), 0) + 1 FROM embedding")[0][0])
        codec, blobs = self._encoded([embeddings.tokens[number] for number in new.values()])
        vectors = embeddings.vectors.astype("<f2")
        rows, tokens = [], []
        for place, (key, number) in enumerate(new.items()):
            name, vector = first + place, vectors[number].tobytes()
            rows.append((name, key, vector, checksum("embedding", name, key, vector), commit))
            tokens.append((name, codec, blobs[place], checksum("token_vectors", name, codec, blobs[place])))
        self._database.many("INSERT INTO embedding (id, key, vector, crc, released) VALUES (?, ?, ?, ?, ?)", rows)
        self._database.many("INSERT INTO token_vectors (embedding, codec, data, crc) VALUES (?, ?, ?, ?)", tokens)

    def use(self, ids: Iterable[int]) -> None:
        """Mark embeddings as needed by a chunk."""
        self._database.all(
            "UPDATE embedding SET released = NULL "
            "WHERE released IS NOT NULL AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(ids)),),
        )

    def release(self, ids: Iterable[int], commit: int) -> None:
        """Mark those that no chunk needs any more as idle since `commit`."""
        self._database.all(
            "UPDATE embedding SET released = ? WHERE id IN (SELECT value FROM json_each(?)) "
            "AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.embedding = embedding.id)",
            (commit, json.dumps(list(ids))),
        )

    def collect(self, chunks: int) -> None:
        """Drop the idle embeddings that are too many beside `chunks` chunks, the longest idle first."""
        drop_idle(self._database, keep=max(IDLE_LEAST, chunks // IDLE_SHARE))

    def _require(self, keys: Sequence[str], embeddings: Embeddings) -> None:
        if embeddings.vectors.shape != (len(keys), self._dimension):
            raise ValueError(f"vectors are {embeddings.vectors.shape}, not ({len(keys)}, {self._dimension})")
        if len(embeddings.tokens) != len(keys):
            raise ValueError(f"{len(keys)} texts but {len(embeddings.tokens)} token arrays: embed with tokens=True")

    def _encoded(self, tokens: Sequence[Floats]) -> tuple[int, list[bytes]]:
        """The number of the codec, and the blobs that it makes of these."""
        number, codec = self._codec(tokens)
        return number, [codec.encode(vectors) for vectors in tokens]

    def _codec(self, tokens: Sequence[Floats]) -> tuple[int, TokenCodec]:
        """The newest codec; a new one where there is none, or where its mean was of few tokens and these are many."""
        codecs = Rows(self._database).codecs()
        number = max(codecs, default=0)
        count = sum(map(len, tokens))
        if codecs and (codecs[number].seen == 0 or codecs[number].seen >= MEAN_TOKENS or count < MEAN_TOKENS):
            return number, codecs[number]
        if self._mean is not None:
            codec = TokenCodec(self._mean)
        else:
            total = sum((vectors.sum(axis=0, dtype=np.float64) for vectors in tokens), np.zeros(self._dimension))
            codec = TokenCodec((total / max(count, 1)).astype(np.float32), seen=max(count, 1))
        data = codec.to_bytes()
        self._database.all(
            "INSERT INTO codec VALUES (?, ?, ?)", (number + 1, data, checksum("codec", number + 1, data))
        )
        return number + 1, codec


def drop_idle(database: Database, *, keep: int) -> None:
    """Drop the embeddings that no chunk needs, but for the `keep` latest of them."""
    database.all(
        "DELETE FROM embedding WHERE id IN (SELECT id FROM embedding WHERE released IS NOT NULL "
        "ORDER BY released DESC, id DESC LIMIT -1 OFFSET ?) "
        "AND NOT EXISTS (SELECT 1 FROM chunk WHERE chunk.embedding = embedding.id)",
        (keep,),
    )
