"""How many files of old encodings are decoded right, how many are named as undecided, and how many are decoded wrongly.

    python benchmarks/encoding_files.py [--data FOLDER] [--worst]

FOLDER (default ../shared/data) has files/chardet: a folder for each encoding, named after it. A file is right where our
text is that of the folder's encoding, whatever our encoding is called; what the folder's encoding does not decode is
compared with U+FFFD in its place. Two columns: by the bytes alone, and with what the markup of a page or a feed says.
The libraries that are installed are asked in the same way: their first guess, decoded strictly.
"""

from __future__ import annotations

import argparse
import re
import time
from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from rag.corpus.readers.encodings.encoding import Decoded, declared_in, decode

Guess = Callable[[bytes], str]
"""Bytes → their text, "" where the encoding is undecided."""

# What a folder's name means in Python, and where writers and browsers mean the superset by it: either text is right.
_CODECS = {"MacCyrillic": ["mac_cyrillic"], "EUC-KR": ["euc_kr", "cp949"], "GB2312": ["gb2312", "gb18030"]}
_CODECS |= {"SHIFT_JIS": ["shift_jis", "cp932"], "CP932": ["cp932", "shift_jis"], "Big5": ["big5", "big5hkscs"]}
_CODECS |= {"iso-2022-jp": ["iso2022_jp", "iso2022_jp_2"], "EUC-JP": ["euc_jp", "euc_jis_2004"]}
_LANGUAGE = re.compile(r"-[a-z]+$")
_MARKS = "\ufeff"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--worst", action="store_true", help="name the files that are undecided or wrong")
    options = parser.parse_args()
    folder = options.data / "files" / "chardet" / "files"
    files = [(path, path.read_bytes()) for path in sorted(folder.rglob("*")) if path.is_file()]
    for name, guess in {"rag": _ours, "rag, with what markup declares": _declared, **_libraries()}.items():
        started = time.perf_counter()
        outcomes = [(path, _outcome(guess(data), data, path.parent.name)) for path, data in files]
        seconds = time.perf_counter() - started
        print(f"\n{name}: {_line(Counter(outcome for _, outcome in outcomes))} ({seconds:.2f} s)")
        if name.startswith("rag"):
            _by_encoding(outcomes)
        if options.worst:
            for path, outcome in outcomes:
                if outcome != "right":
                    print(f"  {outcome:9} {path.parent.name}/{path.name}")


def _outcome(text: str, data: bytes, folder: str) -> str:
    if not text:
        return "undecided"
    name = _LANGUAGE.sub("", folder) if folder.startswith(("iso-8859", "windows")) else folder
    return "right" if any(text == _text(data, codec) for codec in _CODECS.get(name, [name])) else "wrong"


def _text(data: bytes, codec: str) -> str:
    """The text in an encoding; "" where Python has no such codec, so that nothing but undecided is right."""
    try:
        return data.decode(codec, "replace").lstrip(_MARKS)
    except LookupError:
        return ""


def _line(counted: Counter[str]) -> str:
    total = counted.total()
    return ", ".join(f"{counted[name]} {name}" for name in ("right", "undecided", "wrong")) + f" of {total}"


def _by_encoding(outcomes: list[tuple[Path, str]]) -> None:
    for folder in sorted({path.parent.name for path, _ in outcomes}, key=str.lower):
        counted = Counter(outcome for path, outcome in outcomes if path.parent.name == folder)
        print(f"  {folder:24}{counted['right']:3} right {counted['undecided']:3} undecided {counted['wrong']:3} wrong")


def _ours(data: bytes) -> str:
    outcome = decode(data)
    return outcome.text if isinstance(outcome, Decoded) else ""


def _declared(data: bytes) -> str:
    outcome = decode(data, declared_in(data))
    return outcome.text if isinstance(outcome, Decoded) else ""


def _libraries() -> dict[str, Guess]:
    guesses: dict[str, Callable[[bytes], str | None]] = {}
    if find_spec("charset_normalizer"):
        from charset_normalizer import from_bytes

        guesses["charset-normalizer"] = lambda data: getattr(from_bytes(data).best(), "encoding", None)
    if find_spec("chardet"):
        import chardet

        guesses["chardet"] = lambda data: chardet.detect(data)["encoding"]
    if find_spec("cchardet"):
        import cchardet

        guesses["faust-cchardet"] = lambda data: cchardet.detect(data)["encoding"]
    if find_spec("chardetng_py"):
        import chardetng_py

        guesses["chardetng"] = lambda data: chardetng_py.detect(data)
    return {name: _strictly(guess) for name, guess in guesses.items()}


def _strictly(guess: Callable[[bytes], str | None]) -> Guess:
    def text(data: bytes) -> str:
        encoding = (guess(data) or "").lower()
        try:
            return data.decode(encoding).lstrip(_MARKS)
        except (LookupError, UnicodeDecodeError):
            return ""

    return text


if __name__ == "__main__":
    main()
