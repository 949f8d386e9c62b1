"""Readers by suffix: a new format is one file here and its lines in `READERS`."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from rag.corpus.readers.pictures import ocr_extra
from rag.corpus.readers.plain import MARKDOWN, PLAIN, UNKNOWN
from rag.corpus.readers.reader import NO_AID, Aid, Content, Member, Parsed, Reader, Unread, document_id, too_large
from rag.corpus.readers.signature import is_text, is_xml, suffix_of
from rag.corpus.readers.textual.textual import LEFT_OUT, NAMES, TEXTUAL, is_binary
from rag.datatypes import State

if TYPE_CHECKING:
    from rag.corpus.readers.pictures.embedded import Pictures

__all__ = [
    "READERS",
    "Aid",
    "Content",
    "Member",
    "Parsed",
    "Reader",
    "Unread",
    "document_id",
    "reader_by_content",
    "reader_for",
    "too_large",
]

ARCHIVE_BYTES = 256 * 2**20
"""Bytes of the largest archive that is read; its members are unpacked one at a time."""
BINARY = {"pdf", "docx", "doc", "msg", "pptx", "ppt", "xlsx", "xls", "xlsb", "odf", "rtf", "epub"}
"""Formats whose suffix is often on something else; a text is taken for what its suffix says."""
AS_TEXT = {"doc": ".txt", "docx": ".txt", "rtf": ".txt", "xls": ".csv", "xlsx": ".csv", "xlsb": ".csv"}
"""What a text is under the suffix of such a format: programs name an export after the one that opens it."""
MBOX_BYTES = 128 * 2**20
"""Bytes of the largest mailbox that is read."""

# Parsers are imported by the first file that needs them: a search reads none.


def _html(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.web.html import parse_html

    return parse_html(data, path)


def _pdf(data: bytes, path: str, aid: Aid = NO_AID) -> Content | Unread:
    from rag.corpus.readers.pdf.pdf import parse_pdf

    if ocr_extra.is_missing():
        return parse_pdf(data, path, aid)
    from rag.corpus.readers.pdf.ocr import look

    return parse_pdf(data, path, aid, look)


def _docx(data: bytes, path: str, aid: Aid = NO_AID) -> Content | Unread:
    from rag.corpus.readers.office.docx import parse_docx

    return parse_docx(data, path, _pictures(aid))


def _doc(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.office.doc import parse_doc

    return parse_doc(data, path)


def _zip(data: bytes, path: str, aid: Aid = NO_AID) -> Content | Unread:
    from rag.corpus.readers.archives.zipped import parse_zip

    return parse_zip(data, path, aid)


def _tar(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.archives.tarred import parse_tar

    return parse_tar(data, path)


def _packed(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.archives.tarred import parse_packed

    return parse_packed(data, path)


def _eml(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.mail.mail import parse_eml

    return parse_eml(data, path)


def _mbox(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.mail.mbox import parse_mbox

    return parse_mbox(data, path)


def _msg(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.mail.msg import parse_msg

    return parse_msg(data, path)


def _mhtml(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.mail.mhtml import parse_mhtml

    return parse_mhtml(data, path)


def _xml(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.textual.xml import parse_xml

    return parse_xml(data, path)


def _pptx(data: bytes, path: str, aid: Aid = NO_AID) -> Content | Unread:
    from rag.corpus.readers.office.pptx import parse_pptx

    return parse_pptx(data, path, _pictures(aid))


def _xlsx(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.office.xlsx import parse_xlsx

    return parse_xlsx(data, path)


def _xls(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.office.xls import parse_xls

    return parse_xls(data, path)


def _xlsb(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.office.xlsb import parse_xlsb

    return parse_xlsb(data, path)


def _odf(data: bytes, path: str, aid: Aid = NO_AID) -> Content | Unread:
    from rag.corpus.readers.office.odf import parse_odf

    return parse_odf(data, path, _pictures(aid))


def _rtf(data: bytes, path: str) -> Content | Unread:
    from rag.corpus.readers.office.rtf import parse_rtf

    return parse_rtf(data, path)


def _epub(data: bytes, path: str, aid: Aid = NO_AID) -> Content | Unread:
    from rag.corpus.readers.office.epub import parse_epub

    return parse_epub(data, path, _pictures(aid))


def _image(data: bytes, path: str, aid: Aid = NO_AID) -> Content | Unread:
    from rag.corpus.readers.pictures.image import parse_image

    return parse_image(data, path, aid)


def _pictures(aid: Aid) -> Pictures:
    """What is made of pictures that stand in the place of text."""
    from rag.corpus.readers.pictures.embedded import Pictures

    if ocr_extra.is_missing():
        return Pictures()
    from rag.corpus.readers.pictures.image import parse_image

    return Pictures(parse_image, aid)


def _ppt(_data: bytes, _path: str) -> Content | Unread:
    return Unread(State.UNSUPPORTED, "an old PowerPoint file (.ppt)", "save it as .pptx")


HTML = Reader("html", "4", _html)
PDF = Reader("pdf", "4", _pdf, aided=True)
DOC = Reader("doc", "2", _doc, modules=("olefile",), extra="office")
ZIP = Reader("zip", "1", _zip, ARCHIVE_BYTES, aided=True)
TAR = Reader("tar", "1", _tar, ARCHIVE_BYTES)
PACKED = Reader("packed", "1", _packed, ARCHIVE_BYTES)
EML = Reader("eml", "3", _eml)
MBOX = Reader("mbox", "3", _mbox, MBOX_BYTES)
MSG = Reader("msg", "3", _msg, modules=("olefile",), extra="mail")
MHTML = Reader("mhtml", "3", _mhtml)
XML = Reader("xml", "2", _xml)
DOCX = Reader("docx", "4", _docx, aided=True)
PPTX = Reader("pptx", "3", _pptx, aided=True)
PPT = Reader("ppt", "1", _ppt, isolated=False)
XLSX = Reader("xlsx", "2", _xlsx)
XLS = Reader("xls", "2", _xls, modules=("xlrd",), extra="office")
XLSB = Reader("xlsb", "2", _xlsb, modules=("python_calamine",), extra="office")
ODF = Reader("odf", "3", _odf, aided=True)
RTF = Reader("rtf", "2", _rtf)
IMAGE = Reader("image", "1", _image, modules=ocr_extra.MODULES, extra=ocr_extra.EXTRA, aided=True)
EPUB = Reader("epub", "4", _epub, aided=True)

READERS: dict[str, Reader] = {
    ".md": MARKDOWN,
    ".md.txt": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
    ".xhtml": HTML,
    ".xht": HTML,
    ".shtml": HTML,
    ".pdf": PDF,
    ".docx": DOCX,
    ".doc": DOC,
    ".dot": DOC,
    ".docm": DOCX,
    ".dotx": DOCX,
    ".ppt": PPT,
    ".pps": PPT,
    ".pptx": PPTX,
    ".pptm": PPTX,
    ".ppsx": PPTX,
    ".potx": PPTX,
    ".xlsx": XLSX,
    ".xlsm": XLSX,
    ".xltx": XLSX,
    ".xls": XLS,
    ".xlsb": XLSB,
    ".odt": ODF,
    ".ods": ODF,
    ".odp": ODF,
    ".ott": ODF,
    ".otp": ODF,
    ".ots": ODF,
    ".fodt": ODF,
    ".rtf": RTF,
    ".epub": EPUB,
    ".png": IMAGE,
    ".jpg": IMAGE,
    ".jpeg": IMAGE,
    ".tif": IMAGE,
    ".tiff": IMAGE,
    ".bmp": IMAGE,
    ".webp": IMAGE,
    ".gif": IMAGE,
    ".txt": PLAIN,
    ".text": PLAIN,
    ".log": PLAIN,
    ".eml": EML,
    ".mbox": MBOX,
    ".msg": MSG,
    ".mht": MHTML,
    ".mhtml": MHTML,
    ".zip": ZIP,
    ".tar": TAR,
    ".tgz": TAR,
    ".tbz2": TAR,
    ".txz": TAR,
    ".tar.gz": TAR,
    ".tar.bz2": TAR,
    ".tar.xz": TAR,
    ".gz": PACKED,
    ".bz2": PACKED,
    ".xz": PACKED,
    **dict.fromkeys(
        (".xml", ".svg", ".rss", ".atom", ".opml", ".dita", ".docbook", ".dbk", ".kml", ".gpx", ".plist"), XML
    ),
    **TEXTUAL,
}


def reader_by_content(reader: Reader, data: bytes) -> Reader:
    """The reader of what the bytes are, where that is another format than the binary one that the suffix promised."""
    if reader.name not in BINARY:
        return reader
    known = suffix_of(data)
    if not known and reader.name in AS_TEXT and is_text(data):
        known = AS_TEXT[reader.name]
        if is_xml(data):  # a workbook of 2003 is a table there too; a text of Word would be a line for each run
            known = ".xml" if known == ".csv" else ""
    return READERS.get(known, reader)


def reader_for(path: PurePath | str) -> Reader | None:
    """The reader of a file by its name or suffixes, `.tar.gz` before `.gz`; None for one that is known to be no text.

    One without a suffix (README, LICENSE) is tried as text, and so is one with a suffix that nobody knows.
    """
    name = PurePath(path).name.lower()
    suffixes = PurePath(name).suffixes
    last = suffixes[-1] if suffixes else ""
    known = NAMES.get(name) or READERS.get("".join(suffixes[-2:])) or READERS.get(last) or LEFT_OUT.get(last)
    if known or not suffixes:
        return known or PLAIN
    return None if is_binary(last) else UNKNOWN
