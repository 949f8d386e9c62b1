"""The words of a PDF's page: measuring most of them at once gives what measuring them one by one gives."""

import io
import random
from dataclasses import replace
from typing import Any

import numpy as np
import pypdfium2.raw as pdfium
import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from rag.corpus.readers.pdf import sheet as sheets
from rag.corpus.readers.pdf import turns
from rag.corpus.readers.pdf.sheet import Sheet, sheet

SAID = [
    *("pump", "the winch holds", "a b c d", "x", "12,345", "$", "(5", ")", "%", "on/off", "well-", "1."),
    *("Öl für die Pumpe", "café", "a\x01b", "soft\u00adhyphen", "of it"),
]
TRANSFORMS = [
    (1, 0, 0, 1),
    (1, 0, 0.2, 1),
    (0, 1, -1, 0),
    (-1, 0, 0, -1),
    (0.7, 0.7, -0.7, 0.7),
    (1, 0, 0, -1),
    (2, 0, 0, 2),
]


def page(seed: int, count: int) -> Sheet:
    """Texts side by side and all over a page: in several fonts and sizes, turned, slanted, spread, beyond its edges."""
    drawn = random.Random(seed)
    stream = io.BytesIO()
    canvas = Canvas(stream, pagesize=A4)
    pdfmetrics.registerFont(UnicodeCIDFont("STSong-Light"))
    x, y = 60.0, 700.0
    for _ in range(count):
        font = drawn.choice(("Helvetica", "Helvetica", "Helvetica-Bold", "Times-Italic"))
        said, size = drawn.choice(SAID), drawn.choice((9, 9, 9, 12, 0.001, 600))
        if drawn.random() < 0.1:
            font, said = "STSong-Light", "水泵加油 oil"
        if drawn.random() < 0.4:
            x, y = drawn.uniform(-200, 700), drawn.choice((drawn.uniform(-100, 900), 500.0))
        canvas.saveState()
        canvas.transform(*(drawn.choice(TRANSFORMS) if drawn.random() < 0.3 else TRANSFORMS[0]), x, y)
        canvas.setFont(font, size)
        text = canvas.beginText(0, 0)
        text.setCharSpace(drawn.choice((0, 0, 0, 20)))
        text.setRise(drawn.choice((0, 0, 4)))
        text.textOut(said)
        canvas.drawText(text)
        canvas.restoreState()
        x += pdfmetrics.stringWidth(said, font, size) + drawn.choice((0, 2.5, 2.5, 2.5, 30))
    canvas.save()
    document = pdfium.FPDF_LoadMemDocument64(stream.getvalue(), len(stream.getvalue()), b"")
    with sheets.PDFIUM:
        try:
            found = sheet(document, 0)
        finally:
            pdfium.FPDF_CloseDocument(document)
    assert found
    return found


@pytest.mark.parametrize("seed", range(30))
def test_words_measured_together_are_those_measured_one_by_one(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    together = page(seed, 80)
    measured, plain = turns._measured, []

    def one_by_one(*arguments: Any) -> turns.Measured:
        found = measured(*arguments)
        plain.append(found.plain.mean())
        return replace(found, plain=np.zeros_like(found.plain))

    monkeypatch.setattr(turns, "_measured", one_by_one)
    assert page(seed, 80) == together
    assert 0.1 < np.mean(plain) < 0.9


def test_words_are_those_of_the_page_wherever_they_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = page(0, 300)
    monkeypatch.setattr(turns, "BATCH", 7)
    assert page(0, 300) == whole


def test_a_page_of_more_words_than_are_laid_out_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = page(0, 100)
    monkeypatch.setattr(turns, "MOST_WORDS", 20)
    cut = page(0, 100)
    assert cut.crowded
    assert not whole.crowded
    assert 0 < len(cut.written) < len(whole.written)
