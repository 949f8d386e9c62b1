"""Formats that are a ZIP archive of XML: opened, inflated and parsed here, within bounds, for all of them.

What inflates is counted as it comes out, whatever the archive's directory claims. XML is parsed without entities,
without a network and without libxml2's larger limits.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from lxml import etree

from rag.corpus.readers.reader import Content, Unread
from rag.corpus.readers.signature import OLE
from rag.datatypes import State

Element = Any  # lxml has no types

MOST_BYTES = 512 * 2**20
"""Bytes that are inflated of one file, all its parts together."""
MOST_ENTRIES = 50_000
MOST_XML = 128 * 2**20
"""Bytes of one part that is parsed as a whole: its tree takes several times as many."""
_CHUNK = 2**20
_SAFE = {"resolve_entities": False, "no_network": True, "huge_tree": False, "load_dtd": False}
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
# What zipfile and lxml raise on damage, and what a mapping does on a structure that no program writes.
DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    etree.LxmlError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)


class PackageProblem(Exception):
    """Why a package is not read on; `outcome` is what becomes of its file."""

    def __init__(self, outcome: Unread) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


class Package:
    """An open archive; every part that is read counts towards `MOST_BYTES`."""

    def __init__(self, data: bytes) -> None:
        self._zip = zipfile.ZipFile(io.BytesIO(data))
        entries = self._zip.infolist()
        if len(entries) > MOST_ENTRIES:
            raise PackageProblem(Unread(State.TOO_LARGE, f"{len(entries)} parts, at most {MOST_ENTRIES} are read"))
        self._entries = {_name(entry.filename): entry for entry in entries}
        self._left = MOST_BYTES

    def __contains__(self, name: str) -> bool:
        return _name(name) in self._entries

    def size(self, name: str) -> int:
        """How many bytes a part has, as the archive claims. Raises KeyError where there is no such part."""
        return self._entries[_name(name)].file_size

    def names(self) -> list[str]:
        """The names of all parts as the archive spells them, in its order."""
        return [entry.filename.replace("\\", "/").lstrip("/") for entry in self._entries.values()]

    def open(self, name: str) -> IO[bytes]:
        """A part as a stream that counts. Raises KeyError where there is no such part."""
        entry = self._entries[_name(name)]
        if entry.flag_bits & 1:
            raise PackageProblem(Unread(State.ENCRYPTED, "needs a password", "save a copy without one"))
        if entry.compress_type not in _METHODS:
            raise zipfile.BadZipFile(f"a part is packed by method {entry.compress_type}")
        return io.BufferedReader(_Counted(self, self._zip.open(entry)), _CHUNK)

    def count(self, size: int) -> None:
        """Take so many inflated bytes off what is left."""
        self._left -= size
        if self._left < 0:
            reason = f"unpacks to more than {MOST_BYTES >> 20} MiB"
            raise PackageProblem(Unread(State.TOO_LARGE, reason, "split it into smaller files"))

    def read(self, name: str, most: int = MOST_BYTES) -> bytes:
        """The bytes of a part, at most so many. Raises KeyError where there is no such part."""
        with self.open(name) as stream:
            data = stream.read(most + 1)
        if len(data) > most:
            reason = f"has a part of more than {most >> 20} MiB"
            raise PackageProblem(Unread(State.TOO_LARGE, reason, "split it into smaller files"))
        return data

    def xml(self, name: str) -> Element:
        """The root element of a part. Raises KeyError where there is none, lxml's errors where it is no XML."""
        return parse_xml(self.read(name, MOST_XML))

    def inflate_all(self) -> None:
        """Count what every part inflates to, before a library is handed the archive as it is."""
        for name in self._entries:
            with self.open(name) as stream:
                while stream.read(_CHUNK):
                    pass


class _Counted(io.RawIOBase):
    """A stream whose bytes count towards what its package may inflate to."""

    def __init__(self, package: Package, stream: IO[bytes]) -> None:
        self.package = package
        self.stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self.stream.read(min(len(buffer), _CHUNK))
        self.package.count(len(data))
        buffer[: len(data)] = data
        return len(data)


def converted_package(data: bytes, kind: str, convert: Callable[[Package], Content | Unread]) -> Content | Unread:
    """What `convert` makes of the archive; damage, encryption and excess as the state that they are."""
    if data.startswith(OLE):
        return _ole(data, kind)
    try:
        return convert(Package(data))
    except PackageProblem as problem:
        return problem.outcome
    except DAMAGE as error:
        return damaged(kind, error)


def damaged(kind: str, error: Exception) -> Unread:
    """The state of a file whose bytes made a parser raise `error`, which is told in words for its reader."""
    if isinstance(error, KeyError):
        said = f"{error.args[0] or 'its main part'} is missing" if error.args else ""
    elif isinstance(error, (AttributeError, IndexError, TypeError)):
        said = "its parts do not fit together"
    else:
        said = next(iter(str(error).splitlines()), "")
    reason = said.encode("utf-8", "replace").decode()[:200] or type(error).__name__
    return Unread(State.FAILED, f"damaged {kind}: {reason}", "open it in the program it is from and save it anew")


def parse_xml(data: bytes) -> Element:
    """The root element of an XML text; entities stay unread. Raises lxml's errors."""
    root = etree.fromstring(data, _parser())
    if root is None:
        raise etree.XMLSyntaxError("no element", 0, 0, 0)
    return root


def iterparse(stream: IO[bytes], *tags: str) -> Iterator[Element]:
    """The elements of these tags as they end; what was given out is emptied at the next one."""
    events = etree.iterparse(stream, events=("end",), tag=tags, remove_comments=True, **_SAFE)
    for _, element in events:
        yield element
        element.clear(keep_tail=False)
        while element.getprevious() is not None:
            del element.getparent()[0]


def _parser() -> Any:
    return etree.XMLParser(remove_comments=True, remove_pis=True, **_SAFE)


def _name(name: str) -> str:
    """A part's name as it is looked up: the standards compare them without case."""
    return name.replace("\\", "/").lstrip("/").lower()


def _ole(data: bytes, kind: str) -> Unread:
    """The state of a container of Microsoft's older kind under the name of a newer format."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return Unread(State.ENCRYPTED, "needs a password", "save a copy without one")
    newer = {"DOCX": (".doc", "Word"), "PPTX": (".ppt", "PowerPoint"), "XLSX": (".xls", "Excel")}
    suffix, program = newer.get(kind, ("", "Office"))
    named = f" ({suffix})" if suffix else ""
    return Unread(State.UNSUPPORTED, f"is an old {program} file{named}", f"save it as .{kind.lower()}")
