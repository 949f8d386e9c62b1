"""Text, data, mail and books: encodings that are none, nesting without end, cells and headers of megabytes, images."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator

from tests.hostile.case import ANY, READ, REFUSED, SECRET, Case, of
from tests.hostile.markup import FORMATS, zipped

Bytes = Callable[[], bytes]
DEEP = 100_000

TEXTS: dict[str, Bytes] = {
    "utf-7.txt": lambda: b"+ADw-script+AD4- text " * 20,
    "utf-16-odd-length.txt": lambda: b"\xff\xfe" + "text ".encode("utf-16-le") * 20 + b"x",
    "utf-16-lone-surrogates.txt": lambda: b"\xff\xfe" + b"\x00\xd8a\0" * 50,
    "utf-16-both-marks.txt": lambda: b"\xff\xfe\xfe\xff" + "text".encode("utf-16-be"),
    "utf-32-beyond.txt": lambda: b"\xff\xfe\0\0" + b"\xff\xff\xff\x7f" * 20,
    "utf-8-surrogates.txt": lambda: b"text \xed\xa0\x80\xed\xb0\x80 " * 20,
    "utf-8-overlong.txt": lambda: b"text \xc0\xaf\xe0\x80\xaf " * 20,
    "utf-8-cut.txt": lambda: "水泵每周加一次油。".encode()[:-1],
    "utf-8-five-bytes.txt": lambda: b"text \xf8\x88\x80\x80\x80 " * 20,
    "nulls.txt": lambda: bytes(1_000_000),
    "nulls-between.txt": lambda: b"t\0e\0x\0t" * 1000,
    "marks-alone.txt": lambda: b"\xef\xbb\xbf" * 1000,
    "every-byte.txt": lambda: bytes(range(256)) * 1000,
    "noise.txt": lambda: _noise(300_000),
    "escapes.txt": lambda: b"\x1b[2J\x1b]0;title\x07\x1b[31m text\n" * 1000,
    "bidi.txt": lambda: "\u202e\u2066text\u2069\u202c ".encode() * 1000,
    "zero-width.txt": lambda: "\u200b\u200d\ufeff".encode() * 100_000 + b"text",
    "combining-100000.txt": lambda: ("a" + "\u0301" * DEEP).encode(),
    "one-line-of-2-MB.txt": lambda: b"word " * 400_000,
    "one-word-of-2-MB.txt": lambda: b"a" * 2_000_000,
    "lines-1000000.txt": lambda: b"\n" * 1_000_000 + b"text",
    "returns-1000000.txt": lambda: b"\r" * 1_000_000 + b"text",
    "page-feeds.log": lambda: b"\x0c" * 500_000 + b"text",
    "private-use.txt": lambda: "\ue000\U000f0000\U0010ffff".encode() * 10_000,
    "quotes-100000-deep.md": lambda: b">" * DEEP + b" text",
    "lists-3000-deep.md": lambda: b"\n".join(b" " * (2 * n) + b"- x" for n in range(3000)),
    "brackets-100000.md": lambda: b"[" * DEEP + b"text" + b"](" * DEEP,
    "stars-100000.md": lambda: b"*_" * DEEP + b"text",
    "backticks.md": lambda: b" ".join(b"`" * n for n in range(1500)),
    "fence-never-closed.md": lambda: b"```\n" + b"text\n" * DEEP,
    "fences-100000.md": lambda: b"```\n" * DEEP,
    "headings-100000.md": lambda: b"".join(b"%s %d\n\n" % (b"#" * (n % 6 + 1), n) for n in range(DEEP)),
    "heading-of-2-MB.md": lambda: b"# " + b"word " * 400_000 + b"\n\ntext\n",
    "table-10000-columns.md": lambda: b"|a" * 10_000 + b"|\n" + b"|-" * 10_000 + b"|\n" + (b"|x" * 10_000 + b"|\n") * 5,
    "front-matter-laughs.md": lambda: b"---\n" + _yaml_laughs() + b"---\ntext\n",
    "front-matter-never-ends.md": lambda: b"---\n" + b"a: b\n" * DEEP,
    "front-matter-deep.md": lambda: b"---\na: " + b"[" * 20_000 + b"\n---\ntext\n",
    "front-matter-python.md": lambda: b"---\na: !!python/object/apply:os.system ['touch pwned']\n---\ntext\n",
    "includes-a-file.rst": lambda: f".. include:: {SECRET}\n\n.. raw:: html\n   :file: /etc/passwd\n\ntext\n".encode(),
    "includes-a-file.adoc": lambda: f"include::{SECRET}[]\n\ntext\n".encode(),
    "includes-a-file.org": lambda: f'#+INCLUDE: "{SECRET}"\n\ntext\n'.encode(),
    "input-and-write18.tex": lambda: f"\\input{{{SECRET}}}\\immediate\\write18{{id}} text\n".encode(),
    "macro-loop.tex": lambda: b"\\def\\a{\\a\\a}\\a text\n",
    "times-absurd.srt": lambda: b"1\n99999999999:00:00,000 --> -1:00:00,000\ntext\n\n" * 5000,
    "cues-100000.vtt": lambda: b"WEBVTT\n\n" + b"00:00.000 --> 00:01.000\nx\n\n" * DEEP,
    "blank-braces.rtf": lambda: b"{\\rtf1 " + b"{" * DEEP + b"text" + b"}" * DEEP,
    "skips.rtf": lambda: b"{\\rtf1 \\uc2000000000\\u8364 text\\bin2000000000 x}",
    "binary-lies.rtf": lambda: b"{\\rtf1\\bin-5 text}" * 1000,
    "words-200000.rtf": lambda: b"{\\rtf1 " + b"\\b\\i0" * 200_000 + b" text}",
    "object-linked.rtf": lambda: b'{\\rtf1 {\\field{\\*\\fldinst INCLUDETEXT "/etc/passwd"}{\\fldrslt text}}}',
}

DATA: dict[str, Bytes] = {
    "nested-100000.json": lambda: b"[" * DEEP + b"]" * DEEP,
    "objects-100000.json": lambda: b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "number-of-a-megabyte.json": lambda: b'{"a": ' + b"9" * 1_000_000 + b"}",
    "floats-absurd.json": lambda: b'{"a": 1e999999, "b": NaN, "c": -Infinity}',
    "lone-surrogates.json": lambda: b'{"a": "\\ud800 text", "\\udfff": 1}',
    "same-key-50000.json": lambda: b"{" + b",".join([b'"a": 1'] * 50_000) + b"}",
    "cut.json": lambda: b'{"a": [1, 2, {"b": "text',
    "one-line-broken.jsonl": lambda: b'{"text": "a"}\n{"text": \n{"text": "c"}\n',
    "lines-nested.jsonl": lambda: (b"[" * 5000 + b"]" * 5000 + b"\n") * 20,
    "columns-100000.csv": lambda: b",".join(b"c%d" % n for n in range(DEEP)) + b"\n" + b"x," * DEEP + b"\n",
    "cell-of-10-MB.csv": lambda: b'a,b\n"' + b"word " * 2_000_000 + b'",x\n',
    "quote-never-closed.csv": lambda: b'a,b\n"' + b"x,y\n" * DEEP,
    "formulas.csv": lambda: b"=cmd|' /C calc'!A0,@SUM(1),+1\n" * 100,
    "nulls.csv": lambda: b"a,b\n\0,\0\n" * 100,
    "ragged.tsv": lambda: b"\n".join(b"x\t" * (n % 500) for n in range(2000)),
    "laughs.yaml": lambda: _yaml_laughs(),
    "python.yaml": lambda: b"a: !!python/object/apply:os.system ['touch pwned']\n",
    "nested-20000.yaml": lambda: b"[" * 20_000 + b"]" * 20_000,
    "anchor-of-itself.yaml": lambda: b"&a [*a, text]\n",
    "merge-loop.yaml": lambda: b"a: &a\n  <<: *a\n  b: text\n",
    "types-lie.ipynb": lambda: json.dumps({"cells": 7, "nbformat": "x", "metadata": []}).encode(),
    "cells-are-numbers.ipynb": lambda: json.dumps({"cells": [1, None, "a", []], "nbformat": 4}).encode(),
    "source-is-an-object.ipynb": lambda: _notebook({"cell_type": "code", "source": {"a": 1}, "outputs": {"b": 2}}),
    "source-nested.ipynb": lambda: _notebook({"cell_type": "markdown", "source": [["a"], [[["b"]]]], "metadata": None}),
    "output-of-5-MB.ipynb": lambda: _notebook(
        {"cell_type": "code", "source": "x", "outputs": [{"output_type": "stream", "text": ["word "] * 1_000_000}]}
    ),
    "version-absurd.ipynb": lambda: json.dumps({"cells": [], "nbformat": 10**30}).encode(),
    "cells-50000.ipynb": lambda: _notebook(*[{"cell_type": "code", "source": "x"}] * 50_000),
    "nested.ipynb": lambda: b'{"cells": ' + b"[" * DEEP + b"]" * DEEP + b"}",
}

MAILS: dict[str, Bytes] = {
    "multiparts-10000-deep.eml": lambda: _multiparts(10_000),
    "parts-20000.eml": lambda: _mail('multipart/mixed; boundary="b"', b"--b\n\nx\n" * 20_000 + b"--b--\n"),
    "headers-100000.eml": lambda: b"".join(b"X-%d: x\n" % n for n in range(DEEP)) + b"\ntext\n",
    "header-of-5-MB.eml": lambda: b"Subject: " + b"word " * 1_000_000 + b"\n\ntext\n",
    "header-folded-100000.eml": lambda: b"Subject: a\n" + b" x\n" * DEEP + b"\ntext\n",
    "boundary-missing.eml": lambda: _mail("multipart/mixed", b"text\n"),
    "boundary-endless.eml": lambda: _mail(f'multipart/mixed; boundary="{"b" * 500_000}"', b"--b\n\ntext\n"),
    "encoded-words-50000.eml": lambda: b"Subject: " + b"=?utf-8?q?x?= " * 50_000 + b"\n\ntext\n",
    "charset-unknown.eml": lambda: _mail("text/plain; charset=no-such", b"caf\xe9 text\n"),
    "charset-of-code.eml": lambda: _mail('text/plain; charset="rot13"', b"grkg\n"),
    "base64-broken.eml": lambda: b"Content-Transfer-Encoding: base64\n\n" + b"=A=!" * 50_000,
    "attachment-outside.eml": lambda: _mail(
        'multipart/mixed; boundary="b"',
        f'--b\nContent-Disposition: attachment; filename="{SECRET}"\n\ntext\n--b--\n'.encode(),
    ),
    "external-body.eml": lambda: _mail('message/external-body; access-type=local-file; name="/etc/passwd"', b"\n"),
    "messages-2000-deep.eml": lambda: b"Content-Type: message/rfc822\n\n" * 2000 + b"text\n",
    "dates-and-addresses.eml": lambda: b"Date: 99 Foo 99999999999\nFrom: " + b"(" * 50_000 + b"\n\ntext\n",
    "from-lines-100000.mbox": lambda: b"From a\n\nx\n" * DEEP,
    "no-from.mbox": lambda: b"text\n" * 1000,
    "damaged.msg": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\xff" * 2000,
    "sectors-loop.doc": lambda: (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + b">\0\3\0\xfe\xff\x09\0" + bytes(5000)
    ),
}


def _noise(count: int) -> bytes:
    """Bytes without order, the same each time."""
    state, out = 1, bytearray()
    for _ in range(count // 4):
        state = (1103515245 * state + 12345) % 2**32
        out += struct.pack("<I", state)
    return bytes(out)


def _yaml_laughs() -> bytes:
    lines = ["a0: &a0 [lol]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11))]
    return "\n".join(lines).encode() + b"\n"


def _notebook(*cells: object) -> bytes:
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def _mail(kind: str, body: bytes) -> bytes:
    return f"From: a@example.org\nSubject: hostile\nContent-Type: {kind}\n\n".encode() + body


def _multiparts(depth: int) -> bytes:
    head = b"".join(b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (n, n) for n in range(depth))
    return b"From: a@example.org\n" + head + b"\ntext\n"


BOOKS: dict[str, dict[str, str | bytes]] = {
    "spine-loop": {
        "a.opf": FORMATS["epub"][0]["a.opf"].replace('<itemref idref="c"/>', '<itemref idref="c"/>' * 20_000)
    },
    "outside": {"a.opf": FORMATS["epub"][0]["a.opf"].replace("c.xhtml", f"../{SECRET}")},
    "absolute": {"a.opf": FORMATS["epub"][0]["a.opf"].replace("c.xhtml", "/etc/passwd")},
    "of-http": {"a.opf": FORMATS["epub"][0]["a.opf"].replace("c.xhtml", "http://127.0.0.1:9/x")},
    "missing-chapter": {"c.xhtml": ""},
    "package-is-itself": {
        "META-INF/container.xml": FORMATS["epub"][0]["META-INF/container.xml"].replace(
            "a.opf", "META-INF/container.xml"
        )
    },
    "no-container": {"META-INF/container.xml": "<x/>"},
    "contents-loop": {"toc.ncx": "<ncx>" + "<navPoint>" * 20_000, "nav.xhtml": "<nav>" + "<ol><li>" * 20_000},
}


def _png(width: int, height: int, data: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def _tiff(*, loop: bool) -> bytes:
    entries = struct.pack("<HHIIHHIIHHII", 256, 4, 1, 100_000, 257, 4, 1, 100_000, 258, 3, 1, 8)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", 3) + entries + struct.pack("<I", 8 if loop else 2**31)


IMAGES: dict[str, Bytes] = {
    "png-100000x100000.png": lambda: _png(100_000, 100_000, zlib.compress(bytes(1000))),
    "png-2-billion-wide.png": lambda: _png(2**31 - 1, 1),
    "png-0x0.png": lambda: _png(0, 0),
    "png-inflates-to-300-MB.png": lambda: _png(10_000, 10_000, zlib.compress(bytes(300 * 2**20), 9)),
    "png-cut.png": lambda: _png(100, 100, zlib.compress(bytes(30_100)))[:60],
    "png-chunk-of-4-GB.png": lambda: b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDATxxxx",
    "jpeg-cut.jpg": lambda: b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0\xff\xc0\0\x11\x08\xff\xff\xff\xff\3",
    "jpeg-65535x65535.jpeg": lambda: b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\3\1\x22\0\2\x11\1\3\x11\1\xff\xd9",
    "jpeg-comments.jpg": lambda: b"\xff\xd8" + b"\xff\xfe\0\2" * 100_000 + b"\xff\xd9",
    "tiff-loop.tif": lambda: _tiff(loop=True),
    "tiff-beyond.tiff": lambda: _tiff(loop=False),
    "gif-65535x65535.gif": lambda: b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\2D\1\0;",
    "gif-frames-100000.gif": lambda: b"GIF89a\1\0\1\0\0\0\0" + b",\0\0\0\0\1\0\1\0\0\2\2D\1\0" * DEEP + b";",
    "bmp-absurd.bmp": lambda: (
        b"BM" + struct.pack("<IIIIiiHHIIiiII", 60, 0, 54, 40, 2**31 - 1, -(2**31), 1, 24, *[0] * 6)
    ),
    "webp-absurd.webp": lambda: b"RIFF\xff\xff\xff\xffWEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff",
    "heic-nonsense.heic": lambda: b"\0\0\0\x18ftypheic" + b"\xff" * 100,
    "svg-use-doubling.svg": lambda: (
        b'<svg xmlns="http://www.w3.org/2000/svg">'
        + b"".join(b'<g id="g%d"><use href="#g%d"/><use href="#g%d"/></g>' % (n, n + 1, n + 1) for n in range(40))
    ),
}


def cases() -> Iterator[Case]:
    """All of them."""
    for folder, found in {"text": TEXTS, "data": DATA, "mail": MAILS}.items():
        for name, data in found.items():
            yield of(f"{folder}/{name}", READ if name in ("one-line-of-2-MB.txt", "bidi.txt") else ANY, data)
    for name, data in IMAGES.items():
        yield of(f"images/{name}", ANY if name.endswith(".svg") else REFUSED, data)
    others, main, template = FORMATS["epub"]
    for name, changed in BOOKS.items():
        files = {**others, main: template, **changed}
        yield of(f"books/{name}.epub", ANY, lambda files=files: zipped(files))  # type: ignore[misc]
