"""Pictures: what is written on them and where, how they may be stored, and the ways in which a file can refuse."""

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.corpus.cleaned import Cleaning
from rag.corpus.readers import READERS, Aid, Content, Unread
from rag.corpus.readers.pictures import image as module
from rag.corpus.readers.pictures.image import parse_image
from rag.corpus.readers.pictures.ocr import Line, Seen
from rag.corpus.sandbox.pool import Sandbox
from rag.datatypes import Document, State, place_at

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")
HANDBOOK = Path(__file__).parents[2] / "corpora" / "handbook" / "documents"
PAGE = ("The ferry to the outer isles", "leaves the pier at half past seven.", "", "Dogs travel free of charge.")


def drawn(*rows: str, size: tuple[int, int] = (900, 400), ink: Any = "black", paper: Any = "white") -> Any:
    from PIL import ImageDraw, ImageFont

    picture = Image.new("RGB" if paper != "clear" else "RGBA", size, paper if paper != "clear" else (0, 0, 0, 0))
    font = ImageFont.load_default(32)
    for number, row in enumerate(rows):
        ImageDraw.Draw(picture).text((60, 40 + 48 * number), row, fill=ink, font=font)
    return picture


def stored(picture: Any, kind: str = "PNG", **settings: Any) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, **settings)
    return stream.getvalue()


def read(data: bytes, path: str = "a.png") -> Document:
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    outcome = READERS[Path(path).suffix].read(data, path)
    assert isinstance(outcome, Document), outcome
    return outcome


def state(data: bytes) -> tuple[State, str]:
    outcome = parse_image(data, "a.png")
    assert isinstance(outcome, Unread), outcome
    assert "\n" not in outcome.reason
    return outcome.state, outcome.reason


# ---------------------------------------------------------------- without the models


def test_without_the_extra_a_picture_is_a_named_state_with_the_command_that_mends_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rag.corpus.readers.reader.find_spec", lambda _name: None)
    reader = READERS[".png"]
    outcome = reader.read(stored(drawn(*PAGE)), "a.png")
    assert reader.stamp == "image/1 without ocr"
    assert outcome == Unread(
        State.NEEDS_EXTRA, "reading image needs the package rapidocr", 'python -m pip install "rag[ocr]"'
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF"])
def test_a_picture_that_breaks_off_is_damaged(kind: str) -> None:
    data = stored(Image.effect_noise((300, 300), 90).convert("RGB"), kind)
    for end in (9, 30, len(data) // 2):
        assert state(data[:end])[0] is State.FAILED


def png(width: int, height: int, content: bytes = b"") -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(content)) + chunk(b"IEND", b"")


def test_what_claims_to_be_huge_is_not_unpacked() -> None:
    assert state(png(9_000, 9_000)) == (State.TOO_LARGE, "a picture of 9000 × 9000 pixels")
    assert state(png(50_000, 50_000)) == (State.TOO_LARGE, "a picture of more pixels than any page has")
    assert state(png(2**31 - 1, 2**31 - 1))[0] is State.TOO_LARGE
    assert state(png(0, 10))[0] is State.FAILED


def test_a_strip_is_no_page() -> None:
    assert state(stored(Image.new("L", (30_000, 8)))) == (
        State.EMPTY,
        "a strip of 30000 × 8 pixels, which no line of text fits on",
    )


def test_a_picture_that_shows_nothing_is_empty() -> None:
    assert state(stored(Image.new("RGB", (800, 600), "white"))) == (State.EMPTY, "no text is seen on it")


def test_other_formats_are_not_tried() -> None:
    assert state(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n")[0] is State.FAILED


def seen(*lines: Line) -> Seen:
    return Seen(lines, 1000, 500)


def watched(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray[Any, Any]]:
    """The pictures that are handed to a recogniser that sees nothing."""
    calls: list[np.ndarray[Any, Any]] = []

    def recognise(picture: np.ndarray[Any, Any]) -> Seen:
        calls.append(picture)
        return seen()

    monkeypatch.setattr(module, "recognise", recognise)
    return calls


def test_what_is_not_legible_is_counted_and_a_picture_of_nothing_else_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    clear, dim = Line("Open at nine", 0.93, 120, 50, 560, 75), Line("0pn", 0.31, 120, 80, 300, 105)
    data = stored(drawn())
    monkeypatch.setattr(module, "recognise", lambda _picture: seen(clear, dim))
    found = module.parse_image(data, "a.png")
    assert not isinstance(found, Unread)
    assert found.text == "Open at nine […]"
    assert [page.label for page in found.pages] == [
        "at 12–56 % across, 10–15 % down, recognised 93 %",
        "at 12–30 % across, 16–21 % down, not legible",
    ]
    assert found.metadata == (("recognised", "1 lines, 93 %"),)
    assert found.cleaned == {Cleaning.NOT_LEGIBLE: 1}
    monkeypatch.setattr(module, "recognise", lambda _picture: seen(dim))
    assert state(data) == (State.EMPTY, "nothing legible: what looks like 1 lines of text reads as no words")


def test_each_frame_of_a_tiff_file_is_a_page(monkeypatch: pytest.MonkeyPatch) -> None:
    pages = iter([seen(Line("One", 0.9, 0, 0, 100, 20)), seen(), seen(Line("Three", 0.9, 0, 0, 100, 20))])
    monkeypatch.setattr(module, "recognise", lambda _picture: next(pages))
    data = stored(drawn(), "TIFF", save_all=True, append_images=[drawn(), drawn()])
    found = module.parse_image(data, "a.tif")
    assert not isinstance(found, Unread)
    assert found.text == "One\n\nThree"
    assert [(page.number, found.text[page.start : page.end]) for page in found.pages] == [
        (1, "One"),
        (2, ""),
        (3, "Three"),
    ]
    assert found.pages[0].label == "page 1 at 0–10 % across, 0–4 % down, recognised 90 %"
    assert found.pages[1].label == "page 2, nothing recognised"


def tiff(count: int) -> bytes:
    pages = [drawn(f"Page {number}") for number in range(count)]
    return stored(pages[0], "TIFF", save_all=True, append_images=pages[1:])


def seen_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "recognise", lambda _picture: seen(Line("Seen.", 0.9, 0, 0, 100, 20)))


def test_pages_that_are_passed_over_or_too_many_have_their_state(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[int] = []

    def begin(page: int, count: int) -> State | None:
        assert count == 4
        heard.append(page)
        return State.FAILED if page == 2 else None

    seen_line(monkeypatch)
    monkeypatch.setattr(module, "MOST_RECOGNISED", 3)
    found = module.parse_image(tiff(4), "a.tif", Aid(begin=begin))
    assert isinstance(found, Content)
    assert heard == [1, 2, 3, 4]
    assert [page.state for page in found.pages] == [None, State.FAILED, None, State.TOO_LARGE]
    assert found.text.split() == ["Seen."] * 2


def test_pages_that_are_damaged_cost_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    seen_line(monkeypatch)
    pixels, calls = module._pixels, list[int]()

    def breaking(image: Any) -> Any:
        calls.append(1)
        if len(calls) % 3 == 2:
            raise OSError("image file is truncated")
        return pixels(image)

    monkeypatch.setattr(module, "_pixels", breaking)
    found = module.parse_image(tiff(3), "a.tif")
    assert isinstance(found, Content)
    assert [page.state for page in found.pages] == [None, State.FAILED, None]


def test_without_a_word_the_worst_of_the_pages_is_the_files_state(monkeypatch: pytest.MonkeyPatch) -> None:
    watched(monkeypatch)
    outcome = module.parse_image(tiff(2), "a.tif", Aid(begin=lambda page, _count: State.FAILED if page == 1 else None))
    assert isinstance(outcome, Unread)
    assert outcome.state is State.FAILED
    monkeypatch.setattr(module, "MOST_RECOGNISED", 1)
    assert state(tiff(2))[0] is State.TOO_LARGE


def test_of_a_gif_file_the_first_frame_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = watched(monkeypatch)
    parse_image(stored(drawn("One"), "GIF", save_all=True, append_images=[drawn("Two")]), "a.gif")
    assert len(calls) == 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "CMYK", "I", "I;16", "F", "YCbCr"])
def test_every_way_to_store_colours_gives_red_green_blue_or_grey(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = watched(monkeypatch)
    parse_image(stored(drawn("One").convert("L").convert(mode), "TIFF"), "a.tif")
    (picture,) = calls
    assert picture.dtype == np.uint8
    assert picture.shape in ((400, 900), (400, 900, 3))
    assert picture.min() < 40
    assert picture.max() > 200


# ---------------------------------------------------------------- with them


def test_models_without_memory_are_a_lack_of_memory_and_no_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    main = pytest.importorskip("rapidocr.inference_engine.onnxruntime.main", reason="the extra ocr is not installed")

    class Engine:
        def _load_det_model(self) -> Any:
            return self

        def __call__(self, _pixels: Any) -> Any:
            raise main.ONNXRuntimeError("Failed to allocate memory for requested buffer of size 33554432")

    monkeypatch.setattr("rag.corpus.readers.pictures.ocr._engine", Engine)
    with pytest.raises(MemoryError, match="Failed to allocate"):
        parse_image(stored(drawn(*PAGE)), "a.png")


def test_lines_are_read_with_their_places() -> None:
    found = read(stored(drawn(*PAGE)))
    assert found.text == f"{PAGE[0]} {PAGE[1]}\n\n{PAGE[3]}"
    assert place_at(found.pages, found.text.index("leaves")).startswith("at 6–")
    assert [page.label.split(" % down")[0].rpartition(" ")[2] for page in found.pages] == ["10–20", "22–32", "46–56"]


@pytest.mark.parametrize("suffix", ["jpg", "tiff", "bmp", "webp", "gif"])
def test_each_format_is_read(suffix: str) -> None:
    kind = {"jpg": "JPEG"}.get(suffix, suffix.upper())
    assert PAGE[3] in read(stored(drawn(*PAGE), kind), f"é.{suffix}").text


def test_a_picture_is_seen_as_the_camera_says() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8  # to be turned by a quarter against the clock
    data = stored(drawn(*PAGE).rotate(-90, expand=True), "JPEG", exif=exif, quality=95)
    assert read(data, "a.jpg").pages[0].label.startswith("at 6–")


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_page_that_lies_on_its_side_or_head_is_read(degrees: int) -> None:
    page = drawn(*PAGE, size=(900, 300))
    assert read(stored(page.rotate(degrees, expand=True))).text.endswith(f"\n\n{PAGE[3]}")


@pytest.mark.parametrize(("ink", "paper"), [("white", "clear"), ("black", "clear"), ("yellow", "navy")])
def test_text_is_seen_on_the_ground_that_it_is_made_for(ink: str, paper: str) -> None:
    assert PAGE[3] in read(stored(drawn(*PAGE, ink=ink, paper=paper))).text


def test_chinese_is_read() -> None:
    pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 is not installed")
    page = pdfium.PdfDocument(HANDBOOK / "machines" / "haitang-dryer.pdf")[0]
    found = read(stored(page.render(scale=150 / 72).to_pil()))
    assert "新鲜海带经清洗、沥水后铺在网带上，依次通过五个烘干段，最后冷却、打包。" in found.text
    assert "| 第三段 | 65℃ | 25分钟 |" in found.text


def test_letters_that_the_models_do_not_know_are_not_passed_over() -> None:
    """The font that Pillow brings has Cyrillic letters, the models have none."""
    found = read(stored(drawn(PAGE[0], "", "Насос северной станции построен давно.")))
    assert found.text == f"{PAGE[0]}\n\n[…]"
    assert dict(found.metadata)["not_legible"] == "1"


def test_the_same_picture_gives_the_same_text() -> None:
    data = stored(drawn(*PAGE))
    assert read(data) == read(data)


WATCHED = """
import sys
asked = []
away = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto", "subprocess.Popen")
sys.addaudithook(lambda event, arguments: asked.append(arguments) if event in away else None)
from rag.corpus.readers import READERS
outcome = READERS[".png"].read(sys.stdin.buffer.read(), "a.png")
print(outcome.text[:9], asked)
"""


def test_nothing_is_fetched_and_nothing_is_printed() -> None:
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    data = stored(drawn(*PAGE))
    done = subprocess.run([sys.executable, "-c", WATCHED], input=data, capture_output=True, check=True)
    assert done.stdout.decode().strip() == "The ferry []"
    assert done.stderr == b""


# ---------------------------------------------------------------- PDFs that are pictures


def scan(*pages: Any) -> bytes:
    """A PDF of pictures, 150 dots an inch."""
    return stored(pages[0], "PDF", save_all=True, append_images=pages[1:], resolution=150)


def test_a_scanned_pdf_without_the_extra_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.corpus.readers.pictures.ocr_extra.find_spec", lambda _name: None)
    outcome = READERS[".pdf"].read(scan(drawn(*PAGE)), "a.pdf")
    assert isinstance(outcome, Unread)
    assert (outcome.state, outcome.fix) == (State.NEEDS_OCR, 'python -m pip install "rag[ocr]"')


def test_a_scanned_pdf_is_read_page_by_page() -> None:
    found = read(scan(drawn(*PAGE), drawn(), drawn("Second page of the timetable.")), "a.pdf")
    assert PAGE[3] in found.text
    assert place_at(found.pages, found.text.index("Second")).startswith("page 3 at 6–")
    assert [page.start == page.end for page in found.pages if page.number == 2] == [True]


def test_a_scanned_pdf_is_read_in_a_child_which_tells_of_its_pages() -> None:
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    heard: list[int] = []
    with Sandbox(on_page=lambda _path, page, _count: heard.append(page)) as sandbox:
        found = sandbox.parse(READERS[".pdf"], scan(drawn(*PAGE), drawn("Second page.")), "a.pdf").outcome
    assert isinstance(found, Document), found
    assert PAGE[0] in found.text
    assert "Second page." in found.text
    assert heard == [1, 2, 0, 1, 2]


def test_columns_of_a_scanned_pdf_are_read_one_after_the_other() -> None:
    rows = [
        "The first column tells of the ferry",
        "that leaves the pier every morning",
        "and comes back in the evening.",
    ]
    other = [
        "The second one tells of the pump",
        "that runs by day and by night and",
        "is oiled on the first of a month.",
    ]
    page = drawn(*rows, *rows, size=(1400, 400))
    page.paste(drawn(*other, *other, size=(700, 400)), (700, 0))
    text = read(scan(page), "a.pdf").text
    assert text.rindex("evening") < text.index("second one")
