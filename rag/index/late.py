"""Compact token vectors for late interaction, and MaxSim over them.

    tokens (t, d) ─centre, normalise→ ─pool→ (n, d) ─rotate→ ─quantise→ blob of 4 + n · d · bits / 8 bytes

Why each step: token vectors of one model share a large common part (for multilingual-e5-small its norm is .76) that
says nothing about the text, so the model's mean is subtracted; neighbours in meaning are merged; a rotation spreads
what is left evenly over the dimensions, so that a few bits for each lose little. benchmarks/late_codec.py
prints what every choice costs in nDCG@10 and in bytes.

MaxSim(query, text) = mean over the query's tokens of the largest inner product with one of the text's vectors.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
Numbers = NDArray[np.int64]

BITS = 1
POOL = 2.0

_VERSION = 1
_BLOB = struct.Struct("<BBH")  # version, bits, number of vectors
_CODEC = struct.Struct("<BBHfQ")  # version, bits, dimension, pool, seen; then the mean, little-endian float32
# Levels that lose least (squared error) when a value of a normal distribution is stored in 1, 2 or 4 bits:
# J. Max, "Quantizing for minimum distortion", 1960, table I. Upper half; the lower is its mirror image.
_LEVELS = {
    1: (0.7979,),
    2: (0.4528, 1.5104),
    4: (0.1284, 0.3881, 0.6568, 0.9424, 1.2562, 1.6181, 2.0690, 2.7326),
}


class TokenCodec:
    """Encodes (t, dimension) float32 unit rows; fixed by its mean, bits and pool, so equal everywhere.

    `seen` is the number of token vectors that the mean was taken of; 0 where the model came with it.
    """

    def __init__(self, mean: Floats, *, seen: int = 0, bits: int = BITS, pool: float = POOL) -> None:
        if bits not in _LEVELS or pool < 1:
            raise ValueError(f"bits={bits} must be one of {sorted(_LEVELS)}, pool={pool} at least 1")
        self.mean = np.ascontiguousarray(mean, np.float32).reshape(-1)
        self.dimension = len(self.mean)
        self.seen = seen
        self.bits = bits
        self.pool = pool
        levels = np.array(_LEVELS[bits], np.float32)
        self._levels = np.concatenate([-levels[::-1], levels])
        self._borders = (self._levels[1:] + self._levels[:-1]) / 2
        self._per_byte = 8 // bits
        self._row_bytes = -(-self.dimension // self._per_byte)

    def to_bytes(self) -> bytes:
        """What `from_bytes` makes an equal codec of."""
        return (
            _CODEC.pack(_VERSION, self.bits, self.dimension, self.pool, self.seen) + self.mean.astype("<f4").tobytes()
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> TokenCodec:
        """The codec that wrote `data`. Raises ValueError where it is of another version."""
        empty = (0, 0, 0, 0.0, 0)
        version, bits, dimension, pool, seen = _CODEC.unpack_from(data) if len(data) >= _CODEC.size else empty
        if version != _VERSION or len(data) != _CODEC.size + 4 * dimension:
            raise ValueError(f"not a token codec of version {_VERSION}")
        return cls(np.frombuffer(data, "<f4", offset=_CODEC.size), seen=seen, bits=bits, pool=pool)

    def encode(self, tokens: Floats) -> bytes:
        """The blob of a text's token vectors (t, d); a text without tokens has an empty one."""
        vectors = pooled(self._centred(tokens), round(len(tokens) / self.pool + 0.25))
        return _BLOB.pack(_VERSION, self.bits, len(vectors)) + self._packed(vectors @ self._rotation).tobytes()

    def decode(self, blob: bytes) -> Floats:
        """The (n, d) float32 unit rows that a blob holds, rotated. Raises ValueError where it is not one of ours."""
        values = self._unpacked(self._codes(blob))
        parts = values.reshape(len(values), self._row_bytes, self._per_byte)
        return unit(parts.swapaxes(1, 2).reshape(values.shape)[:, : self.dimension])

    def score(self, query_tokens: Floats, blobs: Sequence[bytes]) -> Floats:
        """MaxSim (len(blobs),) of the query's raw token vectors (q, d) with each blob; 0 where either has none."""
        codes = [self._codes(blob) for blob in blobs]
        counts = np.array([len(code) for code in codes], np.int64)
        scores = np.zeros(len(blobs), np.float32)
        if not len(query_tokens) or not counts.sum():
            return scores
        vectors = self._unpacked(np.concatenate(codes))
        products = self._query(query_tokens) @ vectors.T
        products /= np.sqrt(np.einsum("nd,nd->n", vectors, vectors))
        filled = counts > 0
        starts = (np.cumsum(counts) - counts)[filled]
        scores[filled] = np.maximum.reduceat(products, starts, axis=1).mean(axis=0)
        return scores

    @property
    def _rotation(self) -> Floats:
        return rotation(self.dimension)

    def _centred(self, tokens: Floats) -> Floats:
        if tokens.ndim != 2 or tokens.shape[1] != self.dimension:
            raise ValueError(f"token vectors are {tokens.shape}, not (t, {self.dimension})")
        return unit(tokens - self.mean)

    def _query(self, tokens: Floats) -> Floats:
        """Rotated unit rows in the order of a blob's values, zeros where those are padding."""
        padded = np.zeros((len(tokens), self._row_bytes * self._per_byte), np.float32)
        padded[:, : self.dimension] = self._centred(tokens) @ self._rotation
        return padded.reshape(len(tokens), self._per_byte, self._row_bytes).swapaxes(1, 2).reshape(padded.shape)

    def _packed(self, vectors: Floats) -> Bytes:
        """Codes (n, row bytes) of unit rows; byte j holds the values j, j + row bytes, ..., lowest bits first."""
        scaled = vectors * np.float32(self.dimension**0.5)
        codes = np.zeros((len(scaled), self._per_byte * self._row_bytes), np.uint8)
        for border in self._borders:
            codes[:, : self.dimension] += scaled > border
        packed = codes[:, : self._row_bytes].copy()
        for part in range(1, self._per_byte):
            packed |= codes[:, part * self._row_bytes : (part + 1) * self._row_bytes] << np.uint8(part * self.bits)
        return packed

    def _codes(self, blob: bytes) -> Bytes:
        version, bits, count = _BLOB.unpack_from(blob) if len(blob) >= _BLOB.size else (0, 0, 0)
        if version != _VERSION or bits != self.bits or len(blob) != _BLOB.size + count * self._row_bytes:
            raise ValueError(f"not {self.bits}-bit token vectors of {self.dimension} dimensions")
        return np.frombuffer(blob, np.uint8, offset=_BLOB.size).reshape(count, self._row_bytes)

    def _unpacked(self, codes: Bytes) -> Floats:
        """(n, row bytes * values per byte) float32 of about unit length, in the order of the bytes; padding is 0."""
        values = self._table.take(codes, axis=0)
        places = np.arange(self._per_byte) * self._row_bytes + np.arange(self._row_bytes)[:, None]
        values[:, places >= self.dimension] = 0
        return values.reshape(len(codes), self._row_bytes * self._per_byte)

    @cached_property
    def _table(self) -> Floats:
        """(256, values per byte): the levels that each byte stands for."""
        shifts = np.arange(self._per_byte, dtype=np.uint8) * np.uint8(self.bits)
        codes = (np.arange(256, dtype=np.uint8)[:, None] >> shifts) & np.uint8((1 << self.bits) - 1)
        return np.asarray(self._levels[codes], np.float32)


def pooled(vectors: Floats, count: int) -> Floats:
    """`count` unit rows (at least one where there are any) in place of the unit rows `vectors` (t, d).

    Each is the direction of a cluster's sum; the clusters are Ward's.
    """
    count = max(count, 1)
    if len(vectors) <= count:
        return vectors
    from scipy.cluster.hierarchy import linkage
    from scipy.spatial.distance import squareform

    squares = np.maximum(2 - 2 * squareform(vectors @ vectors.T, checks=False), 0).astype(np.float64)
    merges = linkage(np.sqrt(squares), "ward")[: len(vectors) - count, :2].astype(np.int64)
    found, own = np.unique(_clusters(merges.tolist(), len(vectors)), return_inverse=True)
    members = np.zeros((len(found), len(vectors)), np.float32)
    members[own, np.arange(len(vectors))] = 1
    return unit(members @ vectors)


def _clusters(merges: Sequence[tuple[int, int]], count: int) -> Numbers:
    """For each of `count` things the last cluster that it is in; merge i makes cluster `count + i` of two."""
    labels = list(range(count + len(merges)))
    for number in reversed(range(len(merges))):
        for part in merges[number]:
            labels[part] = labels[count + number]
    return np.array(labels[:count])


@cache
def rotation(dimension: int) -> Floats:
    """A fixed orthogonal matrix (d, d): two cosine transforms with signs from SHAKE-256, the same on every machine.

    Not drawn with numpy, whose streams may change between versions.
    """
    n = np.arange(dimension)
    cosine = np.cos(np.pi * (2 * n[None, :] + 1) * n[:, None] / (2 * dimension)) * (2 / dimension) ** 0.5
    cosine[0] /= 2**0.5
    digest = hashlib.shake_256(b"rag token vectors 1").digest(-(-3 * dimension // 8))
    signs = np.unpackbits(np.frombuffer(digest, np.uint8))[: 3 * dimension].reshape(3, dimension) * 2.0 - 1.0
    turned = (signs[0][:, None] * cosine) @ (signs[1][:, None] * cosine * signs[2])
    return np.ascontiguousarray(turned, np.float32)


def unit(rows: Floats) -> Floats:
    """The rows (n, d), each at unit length."""
    norms = np.sqrt(np.einsum("td,td->t", rows, rows))
    return np.asarray(rows / np.maximum(norms, np.float32(1e-12))[:, None], np.float32)
