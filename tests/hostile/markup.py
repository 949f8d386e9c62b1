"""XML that expands, reads files or asks hosts, bare and inside of every format that is made of it; HTML, SVG."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator
from functools import partial

from tests.hostile.case import ANY, REFUSED, SECRET, Case, of

Body = Callable[[str], str]

DEEP = 100_000


def doctype(declarations: str, use: str) -> Body:
    """XML with these declarations, in whose root `use` stands among the text."""

    def body(template: str) -> str:
        root = template.split("<", 2)[1].split(">")[0].split()[0]
        head = f'<?xml version="1.0"?>\n<!DOCTYPE {root} [\n{declarations}\n]>\n'
        return head + template.replace("TEXT", use)

    return body


def _repeated(level: int) -> str:
    return f"&l{level};" * 10


def _laughs() -> str:
    lines = ['<!ENTITY l0 "lol">', *(f"<!ENTITY l{level} '{_repeated(level - 1)}'>" for level in range(1, 11))]
    return "\n".join(lines)


def _attributes() -> str:
    return " ".join(f'a{n}="1"' for n in range(DEEP))


def _rules() -> str:
    return "".join(f".c{n}{{display:none}}" for n in range(50_000))


def _plain(inside: str) -> Body:
    return lambda template: '<?xml version="1.0"?>\n' + template.replace("TEXT", inside)


ATTACKS: dict[str, Body] = {
    "billion-laughs": doctype(_laughs(), "&l10;"),
    "quadratic-blowup": doctype(f'<!ENTITY a "{"a" * 50_000}">', "&a;" * 20_000),
    "entity-loop": doctype('<!ENTITY a "&b;"><!ENTITY b "&a;">', "&a;"),
    "entity-of-passwd": doctype('<!ENTITY x SYSTEM "file:///etc/passwd">', "&x;"),
    "entity-of-secret": doctype(f'<!ENTITY x SYSTEM "{SECRET}">', "&x;"),
    "entity-of-http": doctype('<!ENTITY x SYSTEM "http://127.0.0.1:9/x">', "&x;"),
    "entity-of-device": doctype('<!ENTITY x SYSTEM "file:///dev/zero">', "&x;"),
    "parameter-entities": doctype(
        '<!ENTITY % f SYSTEM "file:///etc/passwd"><!ENTITY % g "<!ENTITY x \'%f;\'>">%g;', "&x;"
    ),
    "external-dtd": lambda template: '<!DOCTYPE r SYSTEM "http://127.0.0.1:9/x.dtd">' + template,
    "xinclude": _plain(f'<x xmlns:i="http://www.w3.org/2001/XInclude"><i:include parse="text" href="{SECRET}"/></x>'),
    "deep": lambda template: template.replace("TEXT", "<g>" * DEEP + "x" + "</g>" * DEEP),
    "many-attributes": lambda template: template.replace("TEXT", f"<g {_attributes()}/>"),
    "truncated": lambda template: _plain("a" * 1000)(template)[:-200],
}

W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
P = "http://schemas.openxmlformats.org/presentationml/2006/main"
S = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OOXML = "application/vnd.openxmlformats-officedocument"
ODF = "urn:oasis:names:tc:opendocument:xmlns"


def _parcel(types: dict[str, str], links: dict[str, list[tuple[str, str, str]]]) -> dict[str, str]:
    """[Content_Types].xml and the .rels of an OOXML file: part → content type, part → (id, type, target)."""
    overrides = "".join(
        f'<Override PartName="/{part}" ContentType="{OOXML}.{kind}+xml"/>' for part, kind in types.items()
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" ContentType='
        f'"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" '
        f'ContentType="application/xml"/>{overrides}</Types>'
    }
    for part, found in links.items():
        folder, _, name = part.rpartition("/")
        rows = "".join(f'<Relationship Id="{key}" Type="{R}/{kind}" Target="{to}"/>' for key, kind, to in found)
        files[f"{folder}/_rels/{name}.rels".lstrip("/")] = (
            f'<Relationships xmlns="{PACKAGE}/relationships">{rows}</Relationships>'
        )
    return files


FORMATS: dict[str, tuple[dict[str, str], str, str]] = {
    "docx": (
        _parcel(
            {"word/document.xml": "wordprocessingml.document.main"},
            {"": [("r1", "officeDocument", "word/document.xml")]},
        ),
        "word/document.xml",
        f'<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>Before. TEXT</w:t></w:r></w:p></w:body></w:document>',
    ),
    "xlsx": (
        {
            **_parcel(
                {"xl/workbook.xml": "spreadsheetml.sheet.main", "xl/worksheets/sheet1.xml": "spreadsheetml.worksheet"},
                {
                    "": [("r1", "officeDocument", "xl/workbook.xml")],
                    "xl/workbook.xml": [("r1", "worksheet", "worksheets/sheet1.xml")],
                },
            ),
            "xl/workbook.xml": f'<workbook xmlns="{S}" xmlns:r="{R}"><sheets><sheet name="S" sheetId="1" r:id="r1"/>'
            "</sheets></workbook>",
        },
        "xl/worksheets/sheet1.xml",
        f'<worksheet xmlns="{S}"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Before. TEXT</t></is></c></row>'
        "</sheetData></worksheet>",
    ),
    "pptx": (
        {
            **_parcel(
                {
                    "ppt/presentation.xml": "presentationml.presentation.main",
                    "ppt/slides/slide1.xml": "presentationml.slide",
                },
                {
                    "": [("r1", "officeDocument", "ppt/presentation.xml")],
                    "ppt/presentation.xml": [("r1", "slide", "slides/slide1.xml")],
                },
            ),
            "ppt/presentation.xml": f'<p:presentation xmlns:p="{P}" xmlns:r="{R}"><p:sldIdLst><p:sldId id="256" '
            'r:id="r1"/></p:sldIdLst></p:presentation>',
        },
        "ppt/slides/slide1.xml",
        f'<p:sld xmlns:p="{P}" xmlns:a="{A}"><p:cSld><p:spTree><p:sp><p:txBody><a:p><a:r><a:t>Before. TEXT</a:t></a:r>'
        "</a:p></p:txBody></p:sp></p:spTree></p:cSld></p:sld>",
    ),
    "odt": (
        {"mimetype": "application/vnd.oasis.opendocument.text"},
        "content.xml",
        f'<office:document-content xmlns:office="{ODF}:office:1.0" xmlns:text="{ODF}:text:1.0"><office:body>'
        "<office:text>"
        "<text:p>Before. TEXT</text:p></office:text></office:body></office:document-content>",
    ),
    "epub": (
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container version="1.0" '
            'xmlns="urn:oasis:names:tc:opendocument:xmlns:container">'
            '<rootfiles><rootfile full-path="a.opf" '
            'media-type="application/oebps-package+xml"/></rootfiles></container>',
            "a.opf": '<package xmlns="http://www.idpf.org/2007/opf" version="3.0"><manifest><item '
            'id="c" href="c.xhtml" '
            'media-type="application/xhtml+xml"/></manifest><spine><itemref idref="c"/></spine></package>',
        },
        "c.xhtml",
        '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Before. TEXT</p></body></html>',
    ),
}

BARE = {
    "xml": "<r><a>Before. TEXT</a></r>",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><text>Before. TEXT</text></svg>',
    "xhtml": '<html xmlns="http://www.w3.org/1999/xhtml"><body><p>Before. TEXT</p></body></html>',
}


def zipped(files: dict[str, str | bytes]) -> bytes:
    """A ZIP archive, the same for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name, (2024, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text)
    return out.getvalue()


def office(suffix: str, body: Body) -> bytes:
    """A file of that format whose main part is attacked."""
    others, main, template = FORMATS[suffix]
    return zipped({**others, main: body(template)})


def ordinary(suffix: str, text: str) -> bytes:
    """A sound file of that format that says `text`."""
    return office(suffix, lambda template: template.replace("TEXT", text))


def cases() -> Iterator[Case]:
    """Each attack in each format, then pages that only HTML can be."""
    for attack, body in ATTACKS.items():
        for suffix, template in BARE.items():
            yield of(f"xml/{attack}.{suffix}", ANY, partial(_bare, body, template))
        for suffix in FORMATS:
            yield of(f"xml/{attack}.{suffix}", ANY, partial(office, suffix, body))
    for suffix in FORMATS:
        yield of(f"xml/inflates-to-300-MB.{suffix}", REFUSED, partial(office, suffix, _inflating))
        yield of(f"xml/cut-in-half.{suffix}", REFUSED, partial(_half, suffix))
    yield from _pages()


def _bare(body: Body, template: str) -> bytes:
    return body(template).encode()


def _inflating(template: str) -> str:
    return template.replace("TEXT", "a " * 150_000_000)


def _half(suffix: str) -> bytes:
    whole = ordinary(suffix, "x")
    return whole[: len(whole) // 2]


def _pages() -> Iterator[Case]:
    pages: dict[str, Callable[[], str]] = {
        "nested-100000-deep": lambda: "<div>" * DEEP + "text" + "</div>" * DEEP,
        "nested-tables": lambda: "<table><tr><td>" * 20_000 + "text",
        "nested-lists": lambda: "<ul><li>x" * 20_000,
        "unclosed-inline": lambda: "<b><i><u>x" * 30_000,
        "entity-flood": lambda: "<p>" + "&amp;" * 500_000,
        "numeric-entities": lambda: "<p>" + "".join(f"&#{n};" for n in range(0, 1_200_000, 7)),
        "one-tag-of-5-MB": lambda: "<p " + "a" * 5_000_000 + ">text",
        "comments-never-closed": lambda: "<p>text" + "<!--" * 500_000,
        "colspan-of-2-billion": lambda: "<table><tr><td colspan=2000000000 rowspan=2000000000>x</td></tr></table>",
        "table-of-3000-columns": lambda: "<table>" + ("<tr>" + "<td rowspan=999>x" * 3000) * 20 + "</table>",
        "style-rules-50000": lambda: f"<style>{_rules()}</style><p>text",
        "style-selectors": lambda: f"<style>{'a ' * 200_000}{{display:none}}</style><p>text",
        "style-braces": lambda: f"<style>{'{' * 500_000}</style><p>text",
        "style-comments": lambda: f"<style>{'/*' * 500_000}</style><p>text",
        "attributes-100000": lambda: f"<p {_attributes()}>text",
        "frames-and-links-outside": lambda: (
            f'<base href="file:///"><iframe src="{SECRET}"></iframe><p>text'
            '<img src="http://127.0.0.1:9/x"><link rel=stylesheet href="http://127.0.0.1:9/x">'
            '<object data="/etc/passwd">'
        ),
        "script-alone": lambda: "<script>" + "x" * 1_000_000,
        "headings-100000": lambda: "".join(f"<h{n % 6 + 1}>{n}</h{n % 6 + 1}>" for n in range(DEEP)),
    }
    for name, page in pages.items():
        yield of(f"html/{name}.html", ANY, lambda page=page: page().encode())  # type: ignore[misc]
