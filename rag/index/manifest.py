"""What an index was built with; it never changes, since its vectors would no longer mean the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rag.errors import IndexMismatch, shell_quoted
from rag.index.chunking import Chunking
from rag.index.folder import flag
from rag.index.schema import FORMAT
from rag.protocols import Fingerprinted


@dataclass(frozen=True, slots=True)
class Manifest:
    """`created` is in seconds since 1970; `codec` says how token vectors are stored, in words.

    `redact` names the kinds of personal data that are taken out of documents before they come here, by commas.
    """

    format: int
    embedder: str
    fingerprint: str
    dimension: int
    chunking: Chunking
    codec: str
    created: float
    redact: str = ""

    @classmethod
    def of(
        cls, embedder: Fingerprinted, chunking: Chunking, *, codec: str, created: float, redact: str = ""
    ) -> Manifest:
        """The manifest of a new index."""
        return cls(FORMAT, embedder.name, embedder.fingerprint, embedder.dimension, chunking, codec, created, redact)

    @classmethod
    def from_values(cls, values: dict[str, str]) -> Manifest:
        """The manifest that `values` was made of. Raises KeyError or ValueError where something is missing."""
        return cls(
            format=int(values["format"]),
            embedder=values["embedder"],
            fingerprint=values["fingerprint"],
            dimension=int(values["dimension"]),
            chunking=Chunking(int(values["chunk_tokens"]), int(values["context_tokens"])),
            codec=values["codec"],
            created=float(values["created"]),
            redact=values.get("redact", ""),
        )

    @property
    def name(self) -> str:
        """The embedder's name: a manifest stands for its embedder where nothing is embedded."""
        return self.embedder

    def values(self) -> dict[str, str]:
        """The manifest as the rows of its table."""
        return {
            "format": str(self.format),
            "embedder": self.embedder,
            "fingerprint": self.fingerprint,
            "dimension": str(self.dimension),
            "chunk_tokens": str(self.chunking.max_tokens),
            "context_tokens": str(self.chunking.context_tokens),
            "codec": self.codec,
            "created": repr(self.created),
            **({"redact": self.redact} if self.redact else {}),
        }

    def require(
        self,
        path: Path,
        *,
        embedder: Fingerprinted | None = None,
        chunking: Chunking | None = None,
        redact: str | None = None,
    ) -> None:
        """Raise IndexMismatch where one of these is not that of the index at `path`; None says nothing."""
        if redact is not None and redact != self.redact:
            raise IndexMismatch(
                f"{path} was built with redact = {self.redact or 'none'}, but {redact or 'none'} is selected. What an "
                f"index holds cannot be taken out of it without a trace, nor put back. Leave it as it is, or read the "
                f"documents into another one: rag ingest FOLDER --redact {redact or 'none'} --index indexes/another"
            )
        if embedder is not None and embedder.fingerprint != self.fingerprint:
            raise IndexMismatch(self._other_embedder(path, embedder.name, embedder.fingerprint))
        if chunking is not None and chunking != self.chunking:
            built, given = self.chunking, chunking
            sizes = f"--chunk-tokens {given.max_tokens} --context-tokens {given.context_tokens}"
            raise IndexMismatch(
                f"{path} was built with chunks of {built.max_tokens} tokens and {built.context_tokens} of heading "
                f"context, but {given.max_tokens} and {given.context_tokens} are selected. Select the former, or "
                f"cut and embed everything again with: rag ingest --rebuild {sizes} {flag(path)}"
            )

    def _other_embedder(self, path: Path, name: str, fingerprint: str) -> str:
        again = f"embed everything again with: rag ingest --rebuild --embedder {shell_quoted(name)} {flag(path)}"
        if name != self.embedder:
            return (
                f"{path} was built with embedder {self.embedder!r}, but {name!r} is selected, and their "
                f"vectors cannot be compared. Set embedder = {self.embedder!r} in rag.toml, or {again}"
            )
        return (
            f"{path} was built with other weights or prompts of embedder {self.embedder!r} than those that are here "
            f"(fingerprint {self.fingerprint[:12]}, here {fingerprint[:12]}), and their vectors cannot be "
            f"compared. Restore the former, or {again}"
        )
