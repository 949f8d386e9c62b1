"""Files that are sent with a mail: what they are called, and which of them are not read."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from rag.corpus.readers.mail import mime
from rag.corpus.readers.mail.mime import Part, header, safely
from rag.corpus.readers.reader import Unread
from rag.datatypes import State

LONGEST_NAME = 200

SUFFIXES = {
    "application/msword": ".doc",
    "application/pdf": ".pdf",
    "application/rtf": ".rtf",
    "application/zip": ".zip",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "text/html": ".html",
    "text/markdown": ".md",
    "text/plain": ".txt",
    "text/vcard": ".vcf",
}
_ENVELOPED = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03"
ENCRYPTED = Unread(State.ENCRYPTED, "an encrypted mail", "save it decrypted from the mail program")
_SEALED = Unread(State.UNSUPPORTED, "a signed mail in a sealed container (S/MIME), which is not opened")
_TNEF = Unread(State.UNSUPPORTED, "an Outlook container (TNEF), which is not opened", "send it as plain text or HTML")


def damaged(error: Exception) -> Unread:
    """The outcome of a mail over which the library stumbles."""
    reason = mime.one_line(str(error))[:200] or type(error).__name__
    if isinstance(error, mime.TooMuch):
        return Unread(State.TOO_LARGE, f"a mail with {reason}", "split it, or save its attachments alone")
    return Unread(State.FAILED, f"damaged mail: {reason}", "save it anew from the mail program")


def sent_name(part: Part) -> str:
    """The name that a part is sent under; ""."""
    return mime.readable(safely(part.get_filename))


def is_shown(part: Part) -> bool:
    """Whether an image is shown within the text and not attached to it."""
    disposition = safely(part.get_content_disposition)
    return disposition == "inline" or (disposition != "attachment" and bool(mime.raw_header(part, "content-id")))


def file_name(sent: str, part: Part, kind: str, number: int) -> str:
    """The last part of the name that a file is sent under; one by its kind where it has none."""
    name = clean_name(sent)
    if name:
        return name
    if kind == "message/rfc822":
        children = part.get_payload()
        inner = children[0] if isinstance(children, list) and children else None
        subject = header(inner, "subject") if isinstance(inner, Part) else ""
        return f"{clean_name(subject.replace('/', '-')) or f'message-{number}'}.eml"
    return f"attachment-{number}{SUFFIXES.get(kind, '')}"


def clean_name(name: str) -> str:
    """A file's name without folders, in one line, its suffix kept where it is cut."""
    last = mime.one_line(re.split(r"[/\\]", name)[-1])
    suffix = PurePosixPath(last).suffix[:20]
    return last if len(last) <= LONGEST_NAME else last[: LONGEST_NAME - len(suffix)] + suffix


def file_of(part: Part, kind: str, name: str) -> bytes | Unread:
    """What was sent, or why it is not read."""
    return _enclosed(part) if kind.startswith("message/") else file_content(mime.content(part), kind, name)


def file_content(data: bytes, kind: str, name: str) -> bytes | Unread:
    """What was sent under a media type and a name, or why it is not read."""
    if kind in ("application/ms-tnef", "application/vnd.ms-tnef") or name.lower() == "winmail.dat":
        return _TNEF
    if kind in ("application/pkcs7-mime", "application/x-pkcs7-mime"):
        return ENCRYPTED if _ENVELOPED in data[:200] else _SEALED
    if kind == "application/x-microsoft-rpmsg-message" or name.lower().endswith(".rpmsg"):
        return ENCRYPTED
    return data


def is_protected(kind: str, message_class: str) -> bool:
    """Whether a mail of this media type, or of this class of Outlook, is encrypted."""
    return kind == "multipart/encrypted" or message_class.lower() == "ipm.note.secure"


def _enclosed(part: Part) -> bytes | Unread:
    """A mail that is sent in a mail, as it stood."""
    children = part.get_payload()
    try:
        if isinstance(children, list) and children and isinstance(children[0], Part):
            return children[0].as_bytes()
        return mime.content(part)
    except mime.DAMAGE as error:
        return damaged(error)
