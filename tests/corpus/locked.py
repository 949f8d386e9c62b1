"""Encrypted files, made by hand where no library writes them."""

import io
import os
import struct
import zipfile
import zlib

from pypdf import PdfWriter
from reportlab.pdfgen.canvas import Canvas


def locked_pdf(text: str, password: str) -> bytes:
    """One page that says `text`."""
    plain, locked = io.BytesIO(), io.BytesIO()
    canvas = Canvas(plain)
    canvas.drawString(72, 700, text)
    canvas.save()
    writer = PdfWriter(clone_from=plain)
    writer.encrypt(password, "owner", algorithm="RC4-128")
    writer.write(locked)
    return locked.getvalue()


def locked_zip(files: dict[str, bytes], password: str) -> bytes:
    """A ZIP archive whose members have the format's old encryption, each deflated."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with zipfile.ZipFile(stream) as archive:
        entries = archive.infolist()
    plain, body, directory = stream.getvalue(), b"", b""
    for entry in entries:
        start = entry.header_offset + 30 + len(entry.filename.encode())
        secret = _encrypted(plain[start : start + entry.compress_size], password, entry.CRC)
        raw, at = entry.filename.encode(), len(body)
        sizes = struct.pack("<HHHHHLLL", 20, 0x801, 8, 0, 33, entry.CRC, len(secret), entry.file_size)
        body += b"PK\x03\x04" + sizes + struct.pack("<HH", len(raw), 0) + raw + secret
        directory += b"PK\x01\x02\x14\x00" + sizes + struct.pack("<HHHHHLL", len(raw), 0, 0, 0, 0, 0, at) + raw
    end = struct.pack("<HHHHLLH", 0, 0, len(entries), len(entries), len(directory), len(body), 0)
    return body + directory + b"PK\x05\x06" + end


def _encrypted(data: bytes, password: str, crc: int) -> bytes:
    keys = [0x12345678, 0x23456789, 0x34567890]

    def step(byte: int) -> None:
        keys[0] = zlib.crc32(bytes([byte]), keys[0] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = zlib.crc32(bytes([keys[1] >> 24]), keys[2] ^ 0xFFFFFFFF) ^ 0xFFFFFFFF

    for byte in password.encode():
        step(byte)
    found = bytearray()
    for byte in os.urandom(11) + bytes([crc >> 24]) + data:
        key = keys[2] | 2
        found.append(byte ^ (((key * (key ^ 1)) >> 8) & 0xFF))
        step(byte)
    return bytes(found)
