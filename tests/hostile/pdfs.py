"""PDFs: loops, absurd numbers, streams that inflate, tables that lead nowhere, actions, good ones cut off."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator

from tests.hostile.case import ANY, Case, of

FONT = "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
CATALOG = "<< /Type /Catalog /Pages 2 0 R >>"
PAGES = "<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
PAGE = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>"
SAYS = b"BT /F1 12 Tf 72 700 Td (A page of a hostile file.) Tj ET"


def stream(data: bytes, entries: str = "", length: str | None = None) -> bytes:
    """A stream object's body."""
    said = length if length is not None else str(len(data))
    return f"<< /Length {said} {entries} >>\nstream\n".encode() + data + b"\nendstream"


def flated(data: bytes, times: int = 1) -> bytes:
    """A stream behind so many FlateDecode filters."""
    for _ in range(times):
        data = zlib.compress(data, 9)
    return stream(data, f"/Filter [{'/FlateDecode ' * times}]")


def pdf(changes: dict[int, str | bytes] | None = None, trailer: str = "", *, shift: int = 0) -> bytes:
    """A one-page PDF with some objects changed; `shift` makes the offsets of its table wrong."""
    objects: dict[int, str | bytes] = {1: CATALOG, 2: PAGES, 3: PAGE, 4: stream(SAYS), 5: FONT, **(changes or {})}
    out, places = bytearray(b"%PDF-1.7\n"), {}
    for number, body in objects.items():
        places[number] = len(out)
        out += (
            f"{number} 0 obj\n".encode() + (body.encode("latin-1") if isinstance(body, str) else body) + b"\nendobj\n"
        )
    start = len(out)
    out += f"xref\n0 {max(places) + 1}\n0000000000 65535 f \n".encode()
    for number in range(1, max(places) + 1):
        out += f"{places.get(number, 0) + shift:010} 00000 n \n".encode()
    out += f"trailer\n<< /Size {max(places) + 1} /Root 1 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(out)


def page_with(content: bytes) -> bytes:
    """A PDF whose page is drawn by these operators."""
    return pdf({4: stream(content)})


def resources(font: str = "/F1 5 0 R", others: str = "") -> str:
    """A page with other resources."""
    return PAGE.replace("<< /Font << /F1 5 0 R >> >>", f"<< /Font << {font} >> {others} >>")


def _opening(entries: str) -> str:
    """A catalogue with these entries, which a viewer heeds when it opens the file."""
    return CATALOG.replace(">>", f"{entries} >>")


def _mapped(ranges: str) -> bytes:
    """A font whose ToUnicode map has these ranges."""
    font = FONT.replace(">>", "/ToUnicode 6 0 R >>")
    return pdf({5: font, 6: stream(f"1 beginbfrange\n{ranges}\nendbfrange".encode())})


def _self_drawing() -> bytes:
    form = "/Type /XObject /Subtype /Form /BBox [0 0 9 9] /Resources << /XObject << /X 6 0 R >> >>"
    return pdf({3: resources(others="/XObject << /X 6 0 R >>"), 4: stream(b"/X Do"), 6: stream(b"/X Do /X Do", form)})


def _doubling() -> bytes:
    """Thirty forms, each of which draws the next one twice: 2^30 texts."""
    forms: dict[int, str | bytes] = {
        n: stream(
            b"/X Do /X Do" if n < 36 else SAYS,
            f"/Subtype /Form /BBox [0 0 9 9] /Resources << /Font << /F1 5 0 R >> /XObject << /X {n + 1} 0 R >> >>",
        )
        for n in range(6, 37)
    }
    return pdf({3: resources(others="/XObject << /X 6 0 R >>"), 4: stream(b"/X Do"), **forms})


SHAPES: dict[str, Callable[[], bytes]] = {
    "kids-loop": lambda: pdf({2: "<< /Type /Pages /Kids [2 0 R 3 0 R] /Count 2 >>"}),
    "kids-loop-of-two": lambda: pdf(
        {2: "<< /Type /Pages /Kids [6 0 R] /Count 1 >>", 6: "<< /Type /Pages /Kids [2 0 R] /Parent 2 0 R /Count 1 >>"}
    ),
    "kids-10000-times-the-same": lambda: pdf({2: f"<< /Type /Pages /Kids [{'3 0 R ' * 10_000}] /Count 10000 >>"}),
    "kids-doubling": lambda: pdf(
        {
            2: "<< /Type /Pages /Kids [6 0 R 6 0 R] /Count 2 >>",
            **{n: f"<< /Type /Pages /Kids [{n + 1} 0 R {n + 1} 0 R] /Count 2 >>" for n in range(6, 36)},
            36: PAGE,
        }
    ),
    "parent-loop": lambda: pdf(
        {2: PAGES.replace("/Count", "/Parent 2 0 R /Count"), 3: PAGE.replace("/MediaBox [0 0 595 842]", "")}
    ),
    "pages-nested-3000": lambda: pdf(
        {
            2: "<< /Type /Pages /Kids [6 0 R] /Count 1 >>",
            **{n: f"<< /Type /Pages /Kids [{n + 1} 0 R] /Parent {n - 1} 0 R /Count 1 >>" for n in range(6, 3006)},
            3006: PAGE,
        }
    ),
    "outline-loop": lambda: pdf(
        {
            1: CATALOG.replace(">>", "/Outlines 6 0 R >>"),
            6: "<< /First 7 0 R /Last 7 0 R /Count 1 >>",
            7: "<< /Title (x) /Next 7 0 R /Parent 6 0 R /First 6 0 R >>",
        }
    ),
    "prev-loop": lambda: _prev_loop(),
    "prev-beyond-the-end": lambda: pdf(trailer="/Prev 99999999"),
    "prev-negative": lambda: pdf(trailer="/Prev -5"),
    "count-of-2-billion": lambda: pdf({2: PAGES.replace("/Count 1", "/Count 2000000000")}),
    "count-negative": lambda: pdf({2: PAGES.replace("/Count 1", "/Count -1")}),
    "media-box-absurd": lambda: pdf({3: PAGE.replace("595 842", "1e30 -1e30")}),
    "media-box-of-names": lambda: pdf({3: PAGE.replace("0 0 595 842", "/a /b (c) null")}),
    "operators-1000000": lambda: pdf({4: flated(b"0 0 m 1 1 l S\n" * 333_334)}),
    "texts-200000": lambda: pdf({4: flated(b"BT /F1 1 Tf 9 9 Td (x) Tj ET\n" * 200_000)}),
    "saves-500000": lambda: pdf({4: flated(b"q " * 500_000 + SAYS)}),
    "flate-bomb-300-MB": lambda: pdf({4: flated(bytes(300 * 2**20))}),
    "flate-bomb-of-spaces": lambda: pdf({4: flated(b" " * (200 * 2**20) + SAYS)}),
    "flate-bomb-twice": lambda: pdf({4: flated(b" " * (200 * 2**20), 2)}),
    "filters-1000": lambda: pdf({4: stream(SAYS, f"/Filter [{'/ASCIIHexDecode ' * 1000}]")}),
    "filter-unknown": lambda: pdf({4: stream(SAYS, "/Filter /NoSuch")}),
    "predictor-columns-2-billion": lambda: pdf(
        {4: stream(zlib.compress(SAYS), "/Filter /FlateDecode /DecodeParms << /Predictor 12 /Columns 2000000000 >>")}
    ),
    "run-length-bomb": lambda: pdf({4: stream(b"\x81 " * 500_000, "/Filter /RunLengthDecode")}),
    "lzw-bomb": lambda: pdf({4: stream(b"\x80\x0b\x60\x50\x22\x0c\x0c\x85\x01" * 20_000, "/Filter /LZWDecode")}),
    "length-lies": lambda: pdf({4: stream(SAYS, length="999999999")}),
    "length-negative": lambda: pdf({4: stream(SAYS, length="-1")}),
    "length-is-itself": lambda: pdf({4: stream(SAYS, length="4 0 R")}),
    "endobj-missing": lambda: pdf().replace(b"endobj", b""),
    "offsets-wrong": lambda: pdf(shift=7),
    "offsets-beyond": lambda: pdf(shift=9_000_000),
    "no-table": lambda: pdf()[: pdf().index(b"xref")],
    "startxref-absurd": lambda: pdf().replace(b"startxref\n", b"startxref\n99999999999999999999"),
    "no-root": lambda: pdf().replace(b"/Root 1 0 R", b""),
    "root-is-itself": lambda: pdf({1: "1 0 R"}),
    "size-of-2-billion": lambda: pdf().replace(b"/Size 6", b"/Size 2000000000"),
    "table-claims-2-billion": lambda: pdf().replace(b"xref\n0 6", b"xref\n0 2000000000"),
    "arrays-100000-deep": lambda: pdf({3: PAGE.replace("[0 0 595 842]", "[" * 100_000 + "]" * 100_000)}),
    "dictionaries-50000-deep": lambda: pdf(
        {3: PAGE.replace("/Contents", f"/X {'<< /A ' * 50_000}0{' >>' * 50_000} /Contents")}
    ),
    "content-arrays-deep": lambda: page_with(b"[" * 100_000 + b"] TJ"),
    "content-never-closes": lambda: page_with(b"BT (" + b"(" * 200_000),
    "inline-image-endless": lambda: page_with(b"BI /W 9 /H 9 ID " + b"x" * 500_000),
    "form-draws-itself": _self_drawing,
    "forms-doubling": _doubling,
    "string-of-5-MB": lambda: page_with(b"BT /F1 12 Tf (" + b"a" * 5_000_000 + b") Tj ET"),
    "contents-10000": lambda: pdf({3: PAGE.replace("4 0 R", f"[{'4 0 R ' * 10_000}]")}),
    "font-is-the-page": lambda: pdf({3: resources("/F1 3 0 R")}),
    "font-descends-to-itself": lambda: pdf(
        {5: "<< /Type /Font /Subtype /Type0 /Encoding /Identity-H /DescendantFonts [5 0 R] >>"}
    ),
    "widths-of-2-billion": lambda: pdf({5: FONT.replace(">>", "/FirstChar 0 /LastChar 2000000000 /Widths [1e300] >>")}),
    "differences-absurd": lambda: pdf({5: FONT.replace(">>", "/Encoding << /Differences [2000000000 /a -5 /b] >> >>")}),
    "unicode-map-of-4-billion": lambda: _mapped("<00000000> <FFFFFFFF> <0041>"),
    "unicode-map-16-bit": lambda: _mapped("\n".join(["<0000> <FFFF> <0041>"] * 300)),
    "unicode-map-surrogates": lambda: _mapped("<41> <5A> <D800>"),
    "unicode-map-to-itself": lambda: pdf({5: FONT.replace(">>", "/ToUnicode 5 0 R >>")}),
    "javascript": lambda: pdf(
        {1: _opening("/OpenAction << /S /JavaScript /JS (app.launchURL('http://127.0.0.1:9')) >>")}
    ),
    "launch": lambda: pdf({1: _opening("/OpenAction << /S /Launch /F (/bin/sh) >>")}),
    "uri-and-remote": lambda: pdf(
        {1: _opening("/URI << /Base (http://127.0.0.1:9) >> /OpenAction << /S /GoToR /F (../outside/secret.txt) >>")}
    ),
    "stream-in-a-file-outside": lambda: pdf({4: stream(b"", "/F (../outside/secret.txt)")}),
    "encrypted-absurd": lambda: pdf(
        {6: "<< /Filter /Standard /V 5 /R 6 /Length 2000000000 /P -1 /O (x) /U (y) >>"}, "/Encrypt 6 0 R /ID [(a) (b)]"
    ),
    "encrypted-by-itself": lambda: pdf(trailer="/Encrypt 1 0 R"),
    "object-stream-loop": lambda: pdf({6: stream(b"1 0 ", "/Type /ObjStm /N 2000000000 /First 4 /Extends 6 0 R")}),
    "coordinates-nan": lambda: page_with(b"BT /F1 1e400 Tf 1e308 1e308 1e308 1e308 1e308 1e308 Tm (x) Tj (y) Tj ET"),
    "header-alone": lambda: b"%PDF-1.7\n",
    "numbers-of-a-megabyte": lambda: page_with(b"9" * 1_000_000 + b" 0 Td " + SAYS),
}


def _prev_loop() -> bytes:
    whole = pdf(trailer="/Prev 0000000000")
    return whole.replace(b"/Prev 0000000000", f"/Prev {whole.index(b'xref'):010}".encode())


def cases() -> Iterator[Case]:
    """All of them."""
    for name, data in SHAPES.items():
        yield of(f"pdf/{name}.pdf", ANY, data)
    whole = pdf({4: flated(SAYS * 50)})
    for tenth in range(1, 10):
        yield of(f"pdf/cut-at-{tenth}-tenths.pdf", ANY, whole[: len(whole) * tenth // 10])
