"""PPTX → Markdown: each slide a place, its title a heading, what stands on it in the order in which it is read."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from functools import partial

from rag.corpus.cleaned import Cleaning, added
from rag.corpus.readers.compose import Cell, Composer, spread
from rag.corpus.readers.office.ooxml import Part, R, described, main_part, part, parts_of_type, properties, title_of
from rag.corpus.readers.office.ooxml_chart import C, chart
from rag.corpus.readers.office.package import Element, Package, PackageProblem, converted_package
from rag.corpus.readers.office.pptx_shapes import P, Placeholders, is_placeholder, name_of, ordered
from rag.corpus.readers.office.pptx_text import A, Styles, add_text, said
from rag.corpus.readers.pictures.embedded import Pictures
from rag.corpus.readers.places import Section, joined
from rag.corpus.readers.reader import Content, Unread
from rag.datatypes import State

_DIAGRAM = "{http://schemas.openxmlformats.org/drawingml/2006/diagram}"
_MODERN = "{http://schemas.microsoft.com/office/powerpoint/2018/8/main}"
_TITLES = ("title", "ctrTitle")
_AROUND = ("dt", "ftr", "hdr", "sldNum")  # what stands on each slide of a deck
_MOST_SLIDES = 10_000


def parse_pptx(data: bytes, _path: str, pictures: Pictures | None = None) -> Content | Unread:
    """The slides' text as Markdown, a place for each; their notes and comments under them."""
    return converted_package(data, "PPTX", partial(_content, pictures=pictures or Pictures()))


def _content(package: Package, pictures: Pictures) -> Content | Unread:
    main = main_part(package)
    names = [main.related.get(each.get(f"{R}id", ""), ("", ""))[1] for each in main.root.iter(f"{P}sldId")]
    if len(names) > _MOST_SLIDES:
        return Unread(State.TOO_LARGE, f"{len(names)} slides, at most {_MOST_SLIDES} are read")
    deck = _Deck(package, pictures)
    sections = [deck.slide(number, name) for number, name in enumerate(names, 1)]
    if not any(deck.spoken):
        state = next((section.state for section in sections if section.state), None)
        if not deck.drawn:
            return Unread(State.EMPTY, "its slides hold no text")
        return pictures.nothing_else("its slides hold", state)
    text, pages = joined(sections)
    metadata = properties(package)
    cleaned = added({Cleaning.REPEATED_ROWS: deck.around})
    return Content(text, "markdown", title_of(metadata), pages, metadata, cleaned=cleaned)


class _Deck:
    """Slides one after the other; layouts and masters are parsed once."""

    def __init__(self, package: Package, pictures: Pictures) -> None:
        self.package = package
        self.pictures = pictures
        self.parts: dict[str, Part] = {}
        self.spoken: list[bool] = []
        self.drawn = 0
        self.around = 0  # footers, dates and numbers of slides

    def slide(self, number: int, name: str) -> Section:
        """One slide as a section; one that is missing in the file says so."""
        if name not in self.package:
            raise PackageProblem(Unread(State.FAILED, f"damaged PPTX: slide {number} is missing", "save it anew"))
        slide = part(self.package, name)
        layout = self.shared(slide, "slideLayout")
        master = self.shared(layout, "slideMaster") if layout else None
        lent = Placeholders([each.root for each in (layout, master) if each])
        shapes = ordered(slide.root, lent)
        title = next((each for each in shapes if is_placeholder(each, *_TITLES)), None)
        composer = Composer()
        heading = said(title) if title is not None else ""
        composer.heading(1, heading or f"Slide {number}")
        if slide.root.get("show") in ("0", "false"):
            composer.paragraph("(hidden slide)")
        before = len(composer.parts)
        page = _Page(self.package, slide, Styles(lent, master.root if master else None), composer, self.pictures)
        page.ground()
        for shape in shapes:
            if is_placeholder(shape, *_AROUND):
                self.around += bool(said(shape).strip())
            elif shape is not title:
                page.add(shape)
        state = self.pictures.fill(composer, self.package, "".join([heading, *composer.parts[before:]]))
        self.beside(slide, composer)
        self.drawn += page.drawn
        self.spoken.append(bool(heading) or len(composer.parts) > before)
        return Section(number, f"slide {number}", composer.text(), state)

    def shared(self, owner: Part, kind: str) -> Part | None:
        """The layout of a slide, the master of a layout."""
        name = next((each for each in owner.of_type(kind) if each in self.package), "")
        if name and name not in self.parts:
            self.parts[name] = part(self.package, name)
        return self.parts.get(name)

    def beside(self, slide: Part, composer: Composer) -> None:
        """What the speaker's notes and the comments say."""
        for notes in parts_of_type(self.package, slide, "notesSlide"):
            bodies = [shape for shape in notes.root.iter(f"{P}sp") if is_placeholder(shape, "body")]
            texts = [text for text in map(said, bodies) if text.strip()]
            if texts:
                composer.heading(2, "Notes")
            for text in texts:
                composer.paragraph(text)
        comments = [text for each in parts_of_type(self.package, slide, "comments") for text in _comments(each.root)]
        if comments:
            composer.heading(2, "Comments")
        for text in comments:
            composer.item("-", text)


def _comments(root: Element) -> Iterator[str]:
    for comment in root.iter(f"{P}cm"):
        yield comment.findtext(f"{P}text") or ""
    for comment in root.iter(f"{_MODERN}cm", f"{_MODERN}reply"):
        body = comment.find(f"{_MODERN}txBody")
        yield said(body) if body is not None else ""


class _Page:
    """The shapes of one slide → blocks."""

    def __init__(self, package: Package, slide: Part, styles: Styles, composer: Composer, pictures: Pictures) -> None:
        self.package = package
        self.slide = slide
        self.styles = styles
        self.composer = composer
        self.pictures = pictures
        self.drawn = 0

    def ground(self) -> None:
        """The picture that is the slide's background."""
        for background in self.slide.root.iter(f"{P}bg"):
            self.meet(background)

    def meet(self, shape: Element) -> str:
        """Note the picture that a shape shows; its name."""
        blip = next(shape.iter(f"{A}blip"), None)
        name = self.slide.related.get(blip.get(f"{R}embed", "") if blip is not None else "", ("", ""))[1]
        if name:
            self.drawn += 1
            self.pictures.met(self.composer, name)
        return name

    def add(self, shape: Element) -> None:
        tag = shape.tag
        if tag == f"{P}graphicFrame":
            self.frame(shape)
        elif tag == f"{P}pic":
            self.picture(shape)
        else:
            self.meet(shape)
            add_text(self.composer, shape, self.styles)

    def picture(self, shape: Element) -> None:
        """A picture by its description, where it has one."""
        target = self.meet(shape)
        self.drawn += not target
        text = described(name_of(shape).get("descr", ""))
        if text:
            self.composer.paragraph(f"![{text}]({posixpath.basename(target)})")

    def frame(self, shape: Element) -> None:
        """A table, a chart or a diagram."""
        table = next(shape.iter(f"{A}tbl"), None)
        drawn = next(shape.iter(f"{C}chart"), None)
        relations = next(shape.iter(f"{_DIAGRAM}relIds"), None)
        if table is not None:
            self.table(table)
        elif drawn is not None:
            self.chart(drawn.get(f"{R}id", ""))
        elif relations is not None:
            self.diagram(relations.get(f"{R}dm", ""))

    def table(self, table: Element) -> None:
        rows = [[_cell(cell) for cell in row.iter(f"{A}tc") if not _is_continued(cell)] for row in table.iter(f"{A}tr")]
        if any(cell.text for row in rows for cell in row):
            self.composer.table(spread(rows))

    def chart(self, identity: str) -> None:
        name = self.slide.related.get(identity, ("", ""))[1]
        if name in self.package:
            found = chart(part(self.package, name).root)
            self.composer.paragraph(f"Chart: {found.title}" if found.title else "")
            self.composer.table(found.rows)

    def diagram(self, identity: str) -> None:
        name = self.slide.related.get(identity, ("", ""))[1]
        if name in self.package:
            for point in part(self.package, name).root.iter(f"{_DIAGRAM}t"):
                if said(point).strip():
                    self.composer.item("-", said(point))


def _cell(cell: Element) -> Cell:
    return Cell(" ".join(said(cell).split()), _count(cell.get("gridSpan")), _count(cell.get("rowSpan")))


def _count(value: str | None) -> int:
    return int(value) if value and value.isascii() and value.isdigit() and len(value) < 6 else 1


def _is_continued(cell: Element) -> bool:
    return cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true")
