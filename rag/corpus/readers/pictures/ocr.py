"""A picture of a page → the lines that are seen on it, by rapidocr's models, which come inside its wheel.

Nothing is fetched: the models are named by their place in the wheel. Their text line classifier is not asked: it turns
one line in seventy upside down that stands upright (benchmarks/ocr.py --classifier). A page that is turned as a whole
is recognised by how badly it reads.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rag.threads import thread_count

MOST_PIXELS = 4_000_000
"""Pixels of a picture that lines are read from, as an A4 page has at 200 dpi; a larger one is made smaller first."""
MOST_SIDE = 6_000
"""Pixels of its longer side: what a line's model needs of memory grows with the square of the line's length."""
MOST_DETECTED = 1_150_000
"""Pixels of the copy in which lines are looked for: 0.55 GB. On twice as many 0.8 GB, and no line more was found."""
LEGIBLE = 0.7
"""A line is left out below this confidence."""
ILLEGIBLE = "[…]"
"""What stands in the place of a line, or of several together, that is left out."""
SPARSE = 0.8
"""Characters (a wide one counts as two) that a line has at least for each time that it is as long as high."""
WIDE = re.compile("[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]")
"""Letters and signs that are as wide as high: Chinese, Japanese, Korean."""
_DOUBTFUL = 0.8
"""Confidence of a page below which it is read upside down as well."""
_EDGE = 16
"""Pixels that are put around a picture: letters that touch its edge are not found."""
_FLAT = 24
"""Levels of grey between the darkest and the lightest part of a picture up to which it shows nothing."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text with the recogniser's confidence (0 to 1), and where it stands, in pixels from the upper left."""

    text: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float

    @property
    def height(self) -> float:
        """Of its letters with what hangs below them."""
        return self.bottom - self.top

    @property
    def legible(self) -> bool:
        """Whether its text is shown."""
        return self.confidence >= LEGIBLE


@dataclass(frozen=True, slots=True)
class Seen:
    """The lines of a picture in no order, read after it was turned by so many quarters against the clock.

    Places, `width` and `height` are those of the turned picture.
    """

    lines: tuple[Line, ...]
    width: int
    height: int
    quarters: int = 0

    @property
    def confidence(self) -> float:
        """The mean over all characters; 0 where there are none."""
        weight = sum(len(line.text) for line in self.lines)
        return sum(line.confidence * len(line.text) for line in self.lines) / weight if weight else 0.0

    def share(self, line: Line) -> tuple[float, float, float, float]:
        """Where the line stands in the picture as it was given: left, top, right, bottom, each from 0 to 1."""
        left, right = line.left / self.width, line.right / self.width
        top, bottom = line.top / self.height, line.bottom / self.height
        for _ in range(self.quarters):
            left, top, right, bottom = 1 - bottom, left, 1 - top, right
        return left, top, right, bottom


def recognise(picture: Pixels) -> Seen:
    """What is seen on `picture`, (height, width, 3) red, green, blue or (height, width) grey, however it is turned.

    Raises MemoryError where the models do not get what they need.
    """
    upright = _seen(picture, 0)
    if _lies(upright.lines):
        # What stands in such boxes was read after a quarter turn against the clock.
        turned = _seen(picture, 1 if upright.confidence >= _DOUBTFUL else 3)
        return turned if turned.confidence >= upright.confidence - 0.05 else upright
    if upright.lines and upright.confidence < _DOUBTFUL:
        return max(upright, _seen(picture, 2), key=lambda seen: seen.confidence)
    return upright


def _lies(lines: Sequence[Line]) -> bool:
    """Whether most of what is seen stands in boxes that are much higher than wide."""
    sizes = [(line.height > 1.5 * (line.right - line.left), len(line.text)) for line in lines]
    return sum(size for tall, size in sizes if tall and size > 1) > 0.5 * sum(size for _, size in sizes)


def _seen(picture: Pixels, quarters: int) -> Seen:
    turned = np.rot90(picture, quarters)
    height, width = turned.shape[:2]
    if int(turned.max()) - int(turned.min()) <= _FLAT:
        return Seen((), width, height, quarters)
    pixels, scale = _fitted(turned)
    boxes, texts, scores = _read(pixels)
    if not texts:
        return Seen((), width, height, quarters)
    corners = np.clip((boxes - _EDGE) / scale, 0, (width, height))
    places = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).tolist()
    lines = (_line(text, float(score), place) for text, score, place in zip(texts, scores, places, strict=True))
    return Seen(tuple(lines), width, height, quarters)


def _read(pixels: Pixels) -> tuple[Any, Sequence[str], Sequence[float]]:
    """The corners (n, 4, 2) of the lines that are found, their texts and confidences. Raises MemoryError."""
    from rapidocr.inference_engine.onnxruntime.main import ONNXRuntimeError

    engine = _engine()
    finder = engine._load_det_model()
    finder.limit_side_len = max(pixels.shape) * min(1.0, (MOST_DETECTED / (pixels.shape[0] * pixels.shape[1])) ** 0.5)
    try:
        found = finder(pixels)
        if found.boxes is None:
            return (), (), ()
        # Not by calling the engine as a whole, which says nothing of lines that it finds and cannot read.
        read = engine.recognize_txt(engine.crop_text_regions(pixels, found.boxes))
    except ONNXRuntimeError as error:  # sound models fail at nothing else
        raise MemoryError(str(error)[:200]) from error
    return found.boxes, read.txts, read.scores


def _line(text: str, confidence: float, box: Sequence[float]) -> Line:
    """The line; of no confidence where it says much less than its box has room for: letters that the model lacks."""
    left, top, right, bottom = box
    said = " ".join(text.split())
    long, high = max(right - left, bottom - top), min(right - left, bottom - top)
    is_whole = len(said) + len(WIDE.findall(said)) >= SPARSE * long / max(high, 1.0) or long < 4 * high
    return Line(said, confidence if said and is_whole else 0.0, left, top, right, bottom)


def _fitted(picture: Pixels) -> tuple[Pixels, float]:
    """The picture as the models take it (blue, green, red; an edge around it), and by how much it was made smaller."""
    import cv2

    height, width = picture.shape[:2]
    scale = min(1.0, MOST_SIDE / max(height, width), (MOST_PIXELS / (height * width)) ** 0.5)
    if scale < 1.0:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        picture = np.asarray(cv2.resize(np.ascontiguousarray(picture), size, interpolation=cv2.INTER_AREA), np.uint8)
    colours = picture[:, :, ::-1] if picture.ndim == 3 else np.repeat(picture[:, :, None], 3, axis=2)
    return np.pad(colours, ((_EDGE, _EDGE), (_EDGE, _EDGE), (0, 0)), mode="edge"), scale


@lru_cache(maxsize=1)
def _engine() -> Any:
    """rapidocr with its own models, one line at a time: then no line's text depends on what else is on the page."""
    import cv2
    import rapidocr

    cv2.setNumThreads(thread_count())
    models = Path(rapidocr.__file__).parent / "models"
    return rapidocr.RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.text_score": 0.0,
            "Global.use_cls": False,
            "Global.use_preprocess_img": False,
            "Global.use_vertical_padding": False,
            "Det.model_path": str(models / "PP-OCRv6_det_small.onnx"),
            "Det.limit_type": "max",
            "Rec.model_path": str(models / "PP-OCRv6_rec_small.onnx"),
            "Rec.rec_batch_num": 1,
            "EngineConfig.onnxruntime.intra_op_num_threads": thread_count(),
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )
