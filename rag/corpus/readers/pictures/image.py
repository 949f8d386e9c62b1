"""Pictures → what is written on them, each line with its place, through Pillow and ocr.py."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers.pictures.ocr import MOST_PIXELS, Line, Pixels, Seen, recognise
from rag.corpus.readers.pictures.ocr_places import placed
from rag.corpus.readers.reader import NO_AID, Aid, Content, Unread
from rag.datatypes import Page, State

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF")
MOST_BYTES = 160 * 2**20
"""Bytes of a picture as it lies in memory, and then once more while it is made ready."""
MOST_PAGES = 2_000
"""Pages of a TIFF file."""
MOST_RECOGNISED = 1_000
"""Those of them that are recognised: about an hour."""
ORIENTATION = 0x0112
"""EXIF's tag for how a camera was held."""
LONGEST = 100
"""A picture is no page whose one side is so many times the other."""
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    NotImplementedError,
    OSError,
    RuntimeError,
    SyntaxError,  # so Pillow calls what is wrong in a PNG
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


def parse_image(data: bytes, _path: str, aid: Aid = NO_AID) -> Content | Unread:
    """What is read on the picture, or on each page of a TIFF file; of others that move, on the first one."""
    from PIL import Image

    Image.init()  # else those that Pillow loads late are not known
    pages: list[Seen | State] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                for page in _frames(image, aid):
                    if isinstance(page, Unread):
                        return page
                    pages.append(page if isinstance(page, State) else recognise(page))
        except Image.DecompressionBombError:
            return _too_large("more pixels than any page has")
        except _DAMAGE as error:
            return Unread(State.FAILED, f"damaged picture: {_reason(error)}", "save it anew")
    return _content(pages)


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), "")[:200] or type(error).__name__


# ---------------------------------------------------------------- pictures


def _frames(image: Image, aid: Aid) -> Iterator[Pixels | Unread | State]:
    """The pages, one at a time, the state of one that is passed over; why no more of them are read."""
    count = int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    if count > MOST_PAGES:
        yield Unread(State.TOO_LARGE, f"{count} pages, at most {MOST_PAGES} are read", "split it into smaller files")
        return
    for number in range(count):
        passed_over = aid.begin(number + 1, count) or (State.TOO_LARGE if number >= MOST_RECOGNISED else None)
        if passed_over:
            yield passed_over
            continue
        try:
            if number:
                image.seek(number)
            page: Pixels | Unread | State = _absurd(image) or _pixels(image)
        except _DAMAGE:
            if count == 1:
                raise
            page = State.FAILED
        if number == count - 1:
            image.close()  # its memory is needed now
        yield page


def _absurd(image: Image) -> Unread | None:
    """Why a picture of this size is not even unpacked; None where it is."""
    width, height = image.size
    size = f"{width} × {height} pixels"
    if width * height * (1 if image.mode in ("1", "L") else 4) > MOST_BYTES:
        return _too_large(size)
    if max(width, height) > LONGEST * min(width, height):
        return Unread(State.EMPTY, f"a strip of {size}, which no line of text fits on")
    return None


def _too_large(size: str) -> Unread:
    return Unread(State.TOO_LARGE, f"a picture of {size}", "make it smaller: 300 dots an inch are enough")


def _pixels(image: Image) -> Pixels:
    """Red, green and blue, or grey, as a person sees them: turned as the camera says, on a ground that shows them."""
    if image.format in ("JPEG", "MPO"):
        image.draft("RGB", (3000, 3000))
    image.load()
    seen = _turned(_reduced(_plain(image)), image)
    if seen.mode == "RGBA":
        return _grounded(np.asarray(seen, dtype=np.uint8))
    if seen.mode in ("I", "F"):
        return _levels(np.asarray(seen, dtype=np.float32))
    return np.asarray(seen if seen.mode == "L" else seen.convert("RGB"), dtype=np.uint8)


def _plain(image: Image) -> Image:
    """The picture in one of the ways to store colours that can be made smaller."""
    if "A" in image.getbands() or "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode.startswith("I;16"):
        return image.convert("I")
    if image.mode in ("L", "RGB", "CMYK", "I", "F"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _reduced(image: Image) -> Image:
    """The picture with no more pixels than lines are read from."""
    from PIL.Image import Resampling

    scale = (MOST_PIXELS / (image.width * image.height)) ** 0.5
    if scale >= 1:
        return image
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image.resize(size, Resampling.LANCZOS, reducing_gap=2.0 if image.mode in ("L", "RGB", "RGBA") else None)


def _turned(image: Image, original: Image) -> Image:
    """The picture as the camera says that it was held; Pillow turns TIFF files by itself."""
    from PIL.Image import Transpose

    turns = {
        2: Transpose.FLIP_LEFT_RIGHT,
        3: Transpose.ROTATE_180,
        4: Transpose.FLIP_TOP_BOTTOM,
        5: Transpose.TRANSPOSE,
        6: Transpose.ROTATE_270,
        7: Transpose.TRANSVERSE,
        8: Transpose.ROTATE_90,
    }
    held = 1
    with suppress(*_DAMAGE):  # what the camera says may be damaged where the picture is not
        held = original.getexif().get(ORIENTATION, 1)
    return image.transpose(turns[held]) if held in turns else image


def _grounded(pixels: Pixels) -> Pixels:
    """A picture that shines through, on white; on black where it is bright itself."""
    colours, opaque = pixels[:, :, :3], pixels[:, :, 3:]
    shown = colours[opaque[:, :, 0] > 127]
    ground = 0 if shown.size and shown.mean() > 160 else 255
    return (ground + (colours.astype(np.int16) - ground) * opaque.astype(np.int32) // 255).astype(np.uint8)


def _levels(values: np.ndarray[Any, np.dtype[np.float32]]) -> Pixels:
    """Finer levels of grey as 256 of them, from the darkest to the brightest."""
    low, high = float(values.min()), float(values.max())
    if not low < high < float("inf"):
        return np.zeros(values.shape, np.uint8)
    return ((values - low) * (255 / (high - low))).astype(np.uint8)


# ---------------------------------------------------------------- text


def _content(pages: Sequence[Seen | State]) -> Content | Unread:
    found = [placed(page) if isinstance(page, Seen) else () for page in pages]
    looked = [page for page in pages if isinstance(page, Seen)]
    if not any(found):
        if State.TOO_LARGE in pages:
            reason = f"no text on the first of its {len(pages)} pages, and the others are too many to look at"
            return Unread(State.TOO_LARGE, reason, "split it into smaller files")
        if State.FAILED in pages:
            return Unread(State.FAILED, "damaged picture: pages of it cannot be unpacked", "save it anew")
        count = sum(len(page.lines) for page in looked)
        if count:
            return Unread(State.EMPTY, f"nothing legible: what looks like {count} lines of text reads as no words")
        return Unread(State.EMPTY, "no text is seen on it")
    text: list[str] = []
    places: list[Page] = []
    at = 0
    for number, page in enumerate(found, start=1):
        name = f"page {number} " if len(pages) > 1 else ""
        if text and page:
            text.append("\n\n")
            at += 2
        if not page:
            seen = pages[number - 1]
            state = seen if isinstance(seen, State) else None
            places.append(Page(number, at, at, f"page {number}, nothing recognised", state))
        for piece in page:
            text.append(piece.text)
            places.append(Page(number, at, at + len(piece.text), name + piece.place))
            at += len(piece.text)
    shown = [line for page in looked for line in page.lines if line.legible]
    dim = sum(len(page.lines) for page in looked) - len(shown)
    return Content(
        "".join(text),
        "markdown",
        pages=tuple(places),
        metadata=(("recognised", _recognised(shown)),),
        cleaned=added({Cleaning.NOT_LEGIBLE: dim}),
    )


def _recognised(shown: Sequence[Line]) -> str:
    characters = sum(len(line.text) for line in shown)
    mean = sum(line.confidence * len(line.text) for line in shown) / characters
    return f"{len(shown)} lines, {int(100 * mean)} %"
