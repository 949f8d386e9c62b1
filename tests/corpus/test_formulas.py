"""Formulas in one line, from what Word and browsers write."""

import pytest
from lxml import etree

from rag.corpus.readers.formulas import linear

OFFICE = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def run(text: str) -> str:
    return f"<m:r><m:rPr/><m:t>{text}</m:t></m:r>"


def part(name: str, text: str) -> str:
    return f"<m:{name}>{run(text) if text else ''}</m:{name}>"


FORMULAS = {
    "(x+1)/(2y)": f"<m:f>{part('num', 'x+1')}{part('den', '2y')}</m:f>",
    "550/2": f"<m:f>{part('num', '550')}{part('den', '2')}</m:f>",
    "sin θ^∘": f"{run('sin')}{run(chr(0x2061))}<m:sSup>{part('e', 'θ')}{part('sup', '∘')}</m:sSup>",
    "5·10^-4": f"{run('5·')}<m:sSup>{part('e', '10')}{part('sup', '-4')}</m:sSup>",
    "x1 + a_i": f"<m:sSub>{part('e', 'x')}{part('sub', '1')}</m:sSub>{run(' + ')}"
    f"<m:sSub>{part('e', 'a')}{part('sub', 'i')}</m:sSub>",
    "x_(i+1)^2": f"<m:sSubSup>{part('e', 'x')}{part('sub', 'i+1')}{part('sup', '2')}</m:sSubSup>",
    "∑_(i=0)^n i": f'<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>{part("sub", "i=0")}{part("sup", "n")}'
    f"{part('e', 'i')}</m:nary>",
    "∫ x": f"<m:nary>{part('sub', '')}{part('sup', '')}{part('e', 'x')}</m:nary>",
    "(a+b)|x|": f'<m:d>{part("e", "a+b")}</m:d><m:d><m:dPr><m:begChr m:val="|"/><m:endChr m:val="|"/></m:dPr>'
    f"{part('e', 'x')}</m:d>",
    "√(2)[3]√(a)": f"<m:rad><m:deg/>{part('e', '2')}</m:rad><m:rad>{part('deg', '3')}{part('e', 'a')}</m:rad>",
    "lim_(x→0) sin x": f"<m:func><m:fName><m:limLow>{part('e', 'lim')}{part('lim', 'x→0')}</m:limLow></m:fName>"
    f"<m:e>{run('sin x')}</m:e></m:func>",
    "a^n": f"<m:limUpp>{part('e', 'a')}{part('lim', 'n')}</m:limUpp>",
    "kept": f"<m:del>{run('gone')}</m:del>{run('kept')}",
    "[1, 0; 0, 1]": f"<m:m><m:mPr/><m:mr>{part('e', '1')}{part('e', '0')}</m:mr><m:mr>{part('e', '0')}"
    f"{part('e', '1')}</m:mr></m:m>",
    "a=1; b=2": f"<m:eqArr>{part('e', 'a=1')}{part('e', 'b=2')}</m:eqArr>",
}


@pytest.mark.parametrize("shown", FORMULAS)
def test_a_formula_of_word_reads_as_it_is_drawn(shown: str) -> None:
    assert linear(etree.fromstring(f"<m:oMath {OFFICE}>{FORMULAS[shown]}</m:oMath>")) == shown


@pytest.mark.parametrize(
    ("shown", "xml"),
    [
        ("E = mc^2", "<mi>E</mi><mo>=</mo><mi>m</mi><msup><mi>c</mi><mn>2</mn></msup>"),
        ("5 × 10^-4", "<mn>5</mn><mo>×</mo><msup><mn>10</mn><mrow><mo>-</mo><mn>4</mn></mrow></msup>"),
        ("(√(a + b))/2", "<mfrac><msqrt><mi>a</mi><mo>+</mo><mi>b</mi></msqrt><mn>2</mn></mfrac>"),
        ("[3]√(x)", "<mroot><mi>x</mi><mn>3</mn></mroot>"),
        ("x1y_n^2", "<msub><mi>x</mi><mn>1</mn></msub><msubsup><mi>y</mi><mi>n</mi><mn>2</mn></msubsup>"),
        ("∑_i^n a", "<munderover><mo>∑</mo><mi>i</mi><mi>n</mi></munderover><mi>a</mi>"),
        ("lim_x a^n", "<munder><mi>lim</mi><mi>x</mi></munder><mtext> </mtext><mover><mi>a</mi><mi>n</mi></mover>"),
        ("f(x, y)", "<mi>f</mi><mo>\u2061</mo><mfenced><mi>x</mi><mi>y</mi></mfenced>"),
        ("[1, 0; x]", "<mtable><mtr><mtd>1</mtd><mtd>0</mtd></mtr><mtr><mtd><mi>x</mi></mtd></mtr></mtable>"),
        ("looseatext", "loose <mi>a</mi> text"),
        ("a", "<semantics><mi>a</mi><annotation>\\alpha</annotation></semantics>"),
        ("a", "<msup><mi>a</mi></msup>"),
    ],
)
def test_a_formula_of_mathml_reads_as_it_is_drawn(shown: str, xml: str) -> None:
    assert linear(etree.fromstring(f"<math>{xml}</math>")) == shown


def test_a_formula_that_is_nested_beyond_all_reading_keeps_its_signs() -> None:
    root = inner = etree.Element("math")
    for _ in range(5000):
        inner = etree.SubElement(inner, "mrow")
    inner.text = "x"
    assert linear(root) == "x"
