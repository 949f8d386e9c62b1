"""How much of a page is recognised, at what confidence, in what time and memory.

    python benchmarks/ocr.py [--kind KIND]... [--classifier] [--pages N] [PDF...]

Each PDF (default: those of the handbook) is drawn as a picture and read by
`rag.corpus.readers.pictures.ocr`; what it says is known from its own text. Kinds: `clean` (200 dpi), `scan` (turned by
0.7 degrees, blurred, noisy, JPEG of quality 40), `fax` (100 dpi, black and white), `small` (80 dpi, pale, noisy),
`tiny` (the same at 55 dpi: hardly to be read by a person).

Printed for each kind: the character error rate (edits over characters, white space aside) of whole pages in reading
order and by script (characters of the text that are not found again); of lines by confidence; seconds of the processor
for a page; the most memory that the process had. `--classifier` lets rapidocr turn single lines upside down, as it does
by default.
"""

from __future__ import annotations

import argparse
import resource
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2

from rag.corpus.readers.pictures import ocr
from rag.corpus.readers.pictures.ocr import LEGIBLE, Pixels, recognise
from rag.corpus.readers.pictures.ocr_layout import parts

HANDBOOK = Path(__file__).parents[1] / "corpora" / "handbook" / "documents"
DPI = {"clean": 200, "scan": 200, "fax": 100, "small": 80, "tiny": 55}
BANDS = (0.0, 0.5, 0.6, LEGIBLE, 0.8, 0.9, 1.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pdf", type=Path, nargs="*", default=sorted(HANDBOOK.rglob("*.pdf")))
    parser.add_argument("--kind", choices=DPI, action="append")
    parser.add_argument("--classifier", action="store_true")
    parser.add_argument("--pages", type=int, default=4)
    options = parser.parse_args()
    if options.classifier:
        classify(ocr._engine())
    bands: dict[float, list[tuple[int, int]]] = defaultdict(list)
    print("kind    pages  error rate   not found again, by script                      s/page")
    for kind in options.kind or DPI:
        measure(kind, options.pdf, options.pages, bands)
    print("\nconfidence   lines   error rate   lines without an error")
    for band in BANDS[:-1]:
        rows = bands[band]
        if rows:
            wrong, size = sum(row[0] for row in rows), sum(row[1] for row in rows)
            right = sum(row[0] == 0 for row in rows) / len(rows)
            print(f"from {band:.2f}  {len(rows):7}   {wrong / size:10.4f}   {right:7.0%}")
    print(f"\nmost memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB")


def classify(engine: Any) -> None:
    """Let rapidocr turn each line as its classifier says."""
    crop = engine.crop_text_regions
    engine.crop_text_regions = lambda pixels, boxes: engine.cls_and_rotate(crop(pixels, boxes))[0]


def measure(kind: str, files: list[Path], most: int, bands: dict[float, list[tuple[int, int]]]) -> None:
    """One row of the first table; lines are added to `bands`."""
    edits = characters = count = 0
    seconds = 0.0
    missed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for page in pages(files, most):
        picture = drawn(page, kind)
        started = time.process_time()
        seen = recognise(picture)
        seconds += time.process_time() - started
        truth = squeezed(page.get_textpage().get_text_range())
        found = squeezed("".join(part.text for part in parts(seen.lines)).replace("| --- ", "").replace("|", ""))
        edits, characters, count = edits + distance(truth, found), characters + len(truth), count + 1
        total.update(map(script, truth))
        missed.update(script(char) for char in unmatched(truth, found))
        if kind != "scan":  # whose lines do not stand where the text does
            for line, text in with_truth(page, seen, picture):
                band = max(each for each in BANDS[:-1] if each <= line.confidence)
                said = squeezed(line.text)
                bands[band].append((distance(text, said), max(len(text), len(said), 1)))
    by_script = ", ".join(f"{name} {missed[name] / total[name]:.4f}" for name in sorted(total))
    print(f"{kind:7} {count:5}  {edits / characters:10.4f}   {by_script:46}  {seconds / count:6.2f}", flush=True)


def pages(files: list[Path], most: int) -> Iterator[Any]:
    for file in files:
        document = pypdfium2.PdfDocument(file)
        yield from (document[number] for number in range(min(most, len(document))))


def drawn(page: Any, kind: str) -> Pixels:
    """The page as a picture of that kind; the same each time."""
    import cv2

    picture = page.render(scale=DPI[kind] / 72, rev_byteorder=True).to_numpy()[:, :, :3].copy()
    height, width = picture.shape[:2]
    noise = np.random.default_rng(0).normal(0, 12, picture.shape)
    if kind == "fax":
        return np.asarray(np.where(picture.mean(axis=2) > 160, 255, 0), np.uint8)
    if kind in ("small", "tiny"):
        return np.asarray(np.clip(picture * 0.6 + 60 + noise, 0, 255), np.uint8)
    if kind == "scan":
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), 0.7, 1)
        turned = cv2.GaussianBlur(cv2.warpAffine(picture, turn, (width, height), borderValue=(255,) * 3), (0, 0), 1.0)
        noisy = np.clip(turned * 0.8 + 20 + noise, 0, 255).astype(np.uint8)
        return np.asarray(cv2.imdecode(cv2.imencode(".jpg", noisy, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 1), np.uint8)
    return np.asarray(picture, np.uint8)


def with_truth(page: Any, seen: ocr.Seen, picture: Pixels) -> Iterator[tuple[ocr.Line, str]]:
    """The lines with what the PDF says at their place."""
    text = page.get_textpage()
    points = page.get_height() / picture.shape[0]
    for line in seen.lines:
        spare = 0.1 * line.height
        left, right = (line.left - spare) * points, (line.right + spare) * points
        bottom, top = line.bottom - spare, line.top + spare
        height = page.get_height()
        yield line, squeezed(text.get_text_bounded(left, height - bottom * points, right, height - top * points))


def squeezed(text: str) -> str:
    """The text without white space, its forms of characters made alike."""
    return "".join(unicodedata.normalize("NFKC", text).split())


def script(char: str) -> str:
    """Of the character: "Han", "Latin", "digits" or "signs"."""
    if char.isdigit():
        return "digits"
    name = unicodedata.name(char, "")
    return "Han" if name.startswith("CJK UNIFIED") else "Latin" if "LATIN" in name else "signs"


def unmatched(truth: str, found: str) -> Iterator[str]:
    """Characters of `truth` that are not found again in their order."""
    matcher = SequenceMatcher(None, truth, found, autojunk=False)
    for tag, start, end, _, _ in matcher.get_opcodes():
        if tag in ("delete", "replace"):
            yield from truth[start:end]


def distance(one: str, other: str) -> int:
    """Characters that have to be put in, taken out or changed (Levenshtein 1966)."""
    codes = np.array([ord(char) for char in other], dtype=np.int64)
    before = steps = np.arange(len(other) + 1)
    for number, char in enumerate(one, start=1):
        least = np.minimum(before[:-1] + (codes != ord(char)), before[1:] + 1)
        before = np.minimum.accumulate(np.concatenate([[number], least]) - steps) + steps
    return int(before[-1])


if __name__ == "__main__":
    main()
