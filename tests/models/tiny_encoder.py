"""A random E5S1 file of a few kilobytes, and a wheel around it: the built-in embedder's way, without the download."""

from __future__ import annotations

import hashlib
import string
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.models.catalogue import Entry

SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
NORMALISATION = {"Ａ": "a", "\n": " ", "\t": " ", "\u200b": " ", "\u3000": " ", "ﬁ": "fi", "\x01": "", "½": "1⁄2"}
HIDDEN, LAYERS, HEADS, INNER, POSITIONS, TYPES = 64, 2, 2, 96, 48, 2


def pieces() -> list[tuple[str, float]]:
    """Specials, letters, marks, some words and Chinese characters; the least likely is a character."""
    words = ["▁the", "▁passage", "▁query", "ing", "▁s", "er", "▁pump", "水泵", "⁄"]
    singles = [*string.ascii_letters, *string.digits, *":.,!?-", "▁", *"水泵的是"]
    scored = [(text, -3.0 - number / 7) for number, text in enumerate([*words, *singles])]
    return [*((special, 0.0) for special in SPECIALS), *scored, ("<mask>", 0.0)]


def e5s1(normalisation: Mapping[str, str] = NORMALISATION, seed: int = 0) -> bytes:
    """The file's bytes."""
    random = np.random.default_rng(seed)
    vocabulary = pieces()
    head = b"E5S1" + struct.pack(
        "<I7ifi", 1, HIDDEN, LAYERS, HEADS, INNER, len(vocabulary) + 3, POSITIONS, TYPES, 1e-12, 32
    )
    texts = [text.encode() for text, _ in vocabulary]
    offsets = np.cumsum([0, *map(len, texts)]).astype("<u4").tobytes()
    head += struct.pack("<5iQ", len(vocabulary), 0, 2, 1, 3, sum(map(len, texts))) + offsets
    head += np.array([score for _, score in vocabulary], "<f4").tobytes() + b"".join(texts)
    mapped = b"".join(
        struct.pack(f"<IB{len(out)}I", ord(character), len(out), *map(ord, out))
        for character, out in sorted(normalisation.items())
    )
    head += struct.pack("<iI", len(normalisation), len(mapped)) + mapped
    return head + _tensors(len(head), len(vocabulary) + 3, random)


def _tensors(start: int, words: int, random: np.random.Generator) -> bytes:
    shapes: dict[str, tuple[int, ...]] = {"emb.word": (words, HIDDEN), "emb.pos": (POSITIONS, HIDDEN)}
    shapes |= {"emb.type": (TYPES, HIDDEN)}
    shapes |= {"emb.ln.w": (HIDDEN,), "emb.ln.b": (HIDDEN,)}
    for layer in range(LAYERS):
        for part, rows, columns in (
            *((part, HIDDEN, HIDDEN) for part in ("q", "k", "v", "ao")),
            ("fi", INNER, HIDDEN),
            ("fo", HIDDEN, INNER),
        ):
            shapes |= {f"l{layer}.{part}.w": (rows, columns), f"l{layer}.{part}.b": (rows,)}
        for norm in ("aln", "oln"):
            shapes |= {f"l{layer}.{norm}.w": (HIDDEN,), f"l{layer}.{norm}.b": (HIDDEN,)}
    size = 4 + sum(2 + len(name) + 21 for name in shapes)
    directory, content = struct.pack("<i", len(shapes)), b""
    for name, shape in shapes.items():
        packed = len(shape) == 2 and name not in ("emb.pos", "emb.type")
        count = int(np.prod(shape))
        values = q4_0(count, random) if packed else random.normal(0, 0.3, count).astype("<f4").tobytes()
        place = start + size + len(content)
        directory += struct.pack("<H", len(name)) + name.encode()
        directory += struct.pack("<BIQQ", int(packed), count, place, len(values))
        content += values
    return directory + content


def q4_0(count: int, random: np.random.Generator) -> bytes:
    """Random blocks for `count` weights."""
    blocks = np.zeros(count // 32, [("scale", "<f2"), ("nibbles", "u1", 16)])
    blocks["scale"] = random.uniform(0.01, 0.05, len(blocks))
    blocks["nibbles"] = random.integers(0, 256, (len(blocks), 16))
    return blocks.tobytes()


def plain_q4_0(content: bytes) -> NDArray[np.float32]:
    """The weights of blocks, one by one, as the format is described."""
    values = []
    for start in range(0, len(content), 18):
        (scale,) = struct.unpack_from("<e", content, start)
        nibbles = content[start + 2 : start + 18]
        values += [((byte & 15) - 8) * scale for byte in nibbles] + [((byte >> 4) - 8) * scale for byte in nibbles]
    return np.array(values, np.float32)


def wheel(folder: Path, content: bytes, *, name: str = "tiny-encoder") -> Entry:
    """Write a wheel with the file into `folder`; the catalogue's entry for it."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "tinyencoder-1.0-py3-none-manylinux2014_x86_64.whl"
    info = "tinyencoder-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("tinyencoder/tiny.bin", content)
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tinyencoder\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-manylinux2014_x86_64\n")
        archive.writestr(f"{info}/RECORD", "")
    return Entry(
        name=name,
        kind="embedder",
        description="random",
        licence="none",
        source="made by a test",
        distribution="tinyencoder",
        version="1.0",
        wheel_bytes=path.stat().st_size,
        wheel_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        member="tinyencoder/tiny.bin",
        member_bytes=len(content),
        member_sha256=hashlib.sha256(content).hexdigest(),
        disk_bytes=1_000_000,
        revision=1,
    )
