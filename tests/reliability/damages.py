"""Ways in which files go wrong, each by a seed: from an index's files to those that are other than they were."""

from __future__ import annotations

import random
from collections.abc import Callable

Files = dict[str, bytes]
Changed = dict[str, bytes | None]  # None: the file is missing
Damage = Callable[[random.Random, str, bytes], bytes | None]

PAGE, SECTOR = 4096, 512


def _flip(generator: random.Random, _: str, data: bytes) -> bytes:
    place = generator.randrange(len(data))
    return data[:place] + bytes([data[place] ^ (1 << generator.randrange(8))]) + data[place + 1 :]


def _flip_in_front(generator: random.Random, name: str, data: bytes) -> bytes:
    """Headers are small, and a wrong one may mean anything."""
    return _flip(generator, name, data[:160]) + data[160:]


def _zero(size: int) -> Damage:
    def zero(generator: random.Random, _: str, data: bytes) -> bytes:
        start = size * generator.randrange(-(-len(data) // size))
        end = min(start + size, len(data))
        return data[:start] + bytes(end - start) + data[end:]

    return zero


def _cut(generator: random.Random, _: str, data: bytes) -> bytes:
    length = generator.randrange(len(data))
    return data[: generator.choice([0, length, length // PAGE * PAGE, length // SECTOR * SECTOR])]


def _extend(generator: random.Random, _: str, data: bytes) -> bytes:
    length = generator.choice([1, 24, SECTOR, PAGE, generator.randrange(1, 3 * PAGE)])
    return data + generator.choice([generator.randbytes(length), bytes(length), data[:length]])


def _missing(_: random.Random, __: str, ___: bytes) -> None:
    return None


def _garbage(generator: random.Random, _: str, data: bytes) -> bytes:
    """A sector of something else."""
    start = SECTOR * generator.randrange(-(-len(data) // SECTOR))
    end = min(start + SECTOR, len(data))
    return data[:start] + generator.randbytes(end - start) + data[end:]


def _swap_pages(generator: random.Random, _: str, data: bytes) -> bytes:
    one, other = sorted(generator.sample(range(len(data) // PAGE), 2))
    pages = [data[start : start + PAGE] for start in range(0, len(data), PAGE)]
    pages[one], pages[other] = pages[other], pages[one]
    return b"".join(pages)


def _repeat_page(generator: random.Random, _: str, data: bytes) -> bytes:
    one, other = generator.sample(range(len(data) // PAGE), 2)
    return data[: one * PAGE] + data[other * PAGE : (other + 1) * PAGE] + data[(one + 1) * PAGE :]


DATABASE, LOG, DERIVED = "index.sqlite", "index.sqlite-wal", ".faiss"
EVERY = (DATABASE, LOG, DERIVED, "CURRENT", "writer.lock")
KINDS: dict[str, tuple[Damage, tuple[str, ...]]] = {
    "flip": (_flip, EVERY),
    "flip of a header": (_flip_in_front, (DATABASE, LOG, DERIVED)),
    "zeroed page": (_zero(PAGE), EVERY),
    "zeroed sector": (_zero(SECTOR), EVERY),
    "garbage": (_garbage, EVERY),
    "cut": (_cut, EVERY),
    "longer": (_extend, EVERY),
    "missing": (_missing, EVERY),
    "swapped pages": (_swap_pages, (DATABASE, LOG)),
    "repeated page": (_repeat_page, (DATABASE, LOG)),
}
"""Each kind of damage, and the ends of the names of those files that it befalls."""


def damaged(kind: str, seed: int, files: Files) -> Changed:
    """The one file that this damage changes."""
    damage, ends = KINDS[kind]
    generator = random.Random(f"{kind} {seed}")
    least = 2 * PAGE if damage in (_swap_pages, _repeat_page) else 1
    there = [end for end in ends if any(name.endswith(end) and len(data) >= least for name, data in files.items())]
    usual = there[:3] * 8 + there  # small files are damaged less often
    end = generator.choice(usual if kind != "missing" else there)
    name = next(name for name in files if name.endswith(end))
    return {name: damage(generator, name, files[name])}
