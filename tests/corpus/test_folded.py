"""Calendars and contacts: lines that were folded are whole."""

from rag.corpus.readers import READERS
from rag.datatypes import Document


def read(data: bytes, path: str) -> str:
    outcome = READERS[path[1:]].read(data, path)
    assert isinstance(outcome, Document), outcome
    return outcome.text


def test_a_line_that_was_folded_within_a_word_or_a_letter_is_whole() -> None:
    first, second = "DESCRIPTION:Bring the fig|ures\\, 起|锚机\\nand pens".encode().replace(b"|", b"\r\n "), b"\xe4\xbd"
    folded = first + second + b"\r\n " + "你".encode()[2:3] + b"\r\n"
    found = read(b"BEGIN:VEVENT\r\n" + folded + b"END:VEVENT\r\n", "a.ics")
    assert "DESCRIPTION:Bring the figures, 起锚机\nand pens" in found
    assert found.endswith("END:VEVENT\r\n")
    assert "BEGIN:VEVENT\r\n" in found


def test_pictures_of_contacts_are_left_out() -> None:
    card = "BEGIN:VCARD\nFN:Mia Lind\nPHOTO;ENCODING=b;TYPE=JPEG:AAAA\n BBBB\nTEL;TYPE=work:123\nEND:VCARD\n"
    assert read(card.encode(), "a.vcf") == "BEGIN:VCARD\nFN:Mia Lind\nTEL;TYPE=work:123\nEND:VCARD\n"
    newer = card.replace("PHOTO;ENCODING=b;TYPE=JPEG:AAAA", "PHOTO;X=1:data:image/png;base64,AAAA")
    assert "AAAA" not in read(newer.encode("utf-16"), "a.vcf")
