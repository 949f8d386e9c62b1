"""chat: questions that continue one another, a line each; a line that begins with a slash is a command."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rag.cli import jsonout, render
from rag.cli.answering import joined, nothing_found
from rag.cli.exits import complain, ends_well
from rag.cli.options import (
    AnswerFlag,
    CountFlag,
    DeviceFlag,
    EmbedderFlag,
    EngineFlag,
    GeneratorFlag,
    IndexFlag,
    JsonFlag,
    RerankerFlag,
    RiskFlag,
    ServerFlag,
    WhereFlag,
)
from rag.cli.parts import index_flag, make_generator, open_index, open_retriever, prepared
from rag.cli.sources import shown
from rag.errors import ConversationError, RagError
from rag.settings import Settings
from rag.transcript import SUFFIX, Transcript, Turn, append, load, save

if TYPE_CHECKING:
    from rag import Citation, Index
    from rag.conversation import Conversation

PROMPT = "? "


@ends_well
def chat(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME|FILE]", help="With --resume: which one.", show_default=False)
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the last conversation, or the one named.")
    ] = False,
    no_save: Annotated[bool, typer.Option("--no-save", help="Keep nothing on disk unless /save is typed.")] = False,
    k: CountFlag = None,
    where: WhereFlag = None,
    answer: AnswerFlag = None,
    risk: RiskFlag = None,
    index: IndexFlag = None,
    generator: GeneratorFlag = None,
    server: ServerFlag = None,
    embedder: EmbedderFlag = None,
    reranker: RerankerFlag = None,
    device: DeviceFlag = None,
    engine: EngineFlag = None,
    json: JsonFlag = False,
) -> None:
    """Ask questions that continue one another, every sentence with its source.

    A line is a question, or a command such as /sources: /help lists them. Ctrl-C stops an answer; at the prompt, a
    second one leaves, as Ctrl-D does. From a pipe, lines are taken without a prompt, and the first error ends it.

    Example: rag chat
    """
    from rag.conversation import Conversation

    if name is not None and not resume:
        raise typer.BadParameter(f"{name!r} goes with --resume only")
    chosen = {"generator": generator, "server": server, "reranker": reranker, "embedder": embedder}
    places = {"index": index, "device": device, "engine": engine}
    settings = prepared(Settings.load({"k": k, "answer": answer, "risk": risk, **chosen, **places}))
    path = _path(name) if resume else None
    so_far = load(path) if path else Transcript()
    only = joined(where)
    with open_index(settings) as opened:
        retriever, answerer = open_retriever(settings, opened), make_generator(settings)
        talk = Conversation(retriever, answerer, k=settings.k, where=only, persona=so_far.persona, turns=so_far.turns)
        _Chat(talk, opened, settings, path, saves=not no_save, json=json).run()


class _Chat:
    """A conversation on a terminal or in a pipe, and the file that it is kept in: None until its first turn."""

    def __init__(
        self, talk: Conversation, index: Index, settings: Settings, path: Path | None, *, saves: bool, json: bool
    ) -> None:
        self.talk = talk
        self.index = index
        self.settings = settings
        self.path = path
        self.kept: tuple[Turn, ...] = talk.turns
        self.saves = saves
        self.json = json
        self.paper = render.Paper()
        self.goes_on = True

    def run(self) -> None:
        """Take line after line. On a terminal what goes wrong is said, in a pipe it ends the command."""
        typed = sys.stdin.isatty()
        if self.path:
            self.say_where()
        elif typed:
            complain("ask a question; /help lists the commands, Ctrl-D leaves")
        generator = self.talk.generator
        if typed and generator.writes_prose:  # loaded now: torch does not survive a Ctrl-C while it is imported
            complain(f"answers are written by {generator.model.name}")
        for line in _typed_lines() if typed else _piped_lines():
            try:
                self.take(line)
            except KeyboardInterrupt:
                if not typed:
                    raise
                complain("stopped")
            except RagError as error:
                if not typed:
                    raise
                complain(f"error: {error}")
            if not self.goes_on:
                break
        self.keep()

    def take(self, line: str) -> None:
        """Answer a question or follow a command. Raises ConversationError for a command that there is not."""
        if not line.startswith("/"):
            self.answer(line)
            return
        command, _, rest = line.partition(" ")
        if command not in COMMANDS:
            raise ConversationError(f"{command} is no command; there are {', '.join(COMMANDS)}")
        COMMANDS[command][2](self, rest.strip())

    def answer(self, question: str) -> None:
        """Answer a question, or the last one again where it is empty: sentence by sentence, then what proves it."""
        self.refresh()
        show = None if self.json else lambda sentence, _: render.show_sentence(self.paper, sentence)
        answer = self.talk.ask(question, on_sentence=show) if question else self.talk.retry(on_sentence=show)
        turn = self.talk.turns[-1]
        if not answer.hits:
            complain(nothing_found(self.settings, self.talk.where, self.index))
        if self.json:
            jsonout.write_json({**jsonout.answer_object(answer, shown), "searched": list(turn.searched)})
            sys.stdout.flush()
        else:
            render.show_proof(self.paper, answer, index_flag(self.settings))
            complain(f"{answer.mode} in {answer.seconds['total']:.2f} s; searched: {' | '.join(turn.searched)}")
        self.keep()

    def refresh(self) -> None:
        """Go on with the index as it is now."""
        if self.index.refresh():
            self.index.manifest.require(self.settings.index, embedder=self.talk.retriever.embedder)

    def keep(self) -> None:
        """Append the turns that the file has not: the last one, and those before it that could not be written."""
        if not self.saves or self.kept == self.talk.turns:
            return
        self.path = self.path or _new_file(Transcript(self.talk.persona))
        for place, turn in enumerate(self.talk.turns):
            there = self.kept[place : place + 1]
            if there != (turn,):
                append(self.path, turn, again=bool(there))
                self.kept = (*self.kept[:place], turn)

    def sources(self, _: str) -> None:
        """Print the citations of the last answer, and of each whether it still holds."""
        citations = self.talk.turns[-1].answer.citations if self.talk.turns else ()
        self.refresh()
        if self.json:
            found = [{**jsonout.citation_object(each, shown), "holds": self.holds(each)} for each in citations]
            jsonout.write_json({"citations": found})
        for citation in () if self.json else citations:
            render.show_citation(self.paper, citation)
            if not self.holds(citation):
                self.paper.line(("no longer in the index so", render.BAD), indent=4)
        if not citations:
            complain("the last answer cites nothing" if self.talk.turns else "there is no answer yet")

    def holds(self, citation: Citation) -> bool:
        """Whether the index has the quote at its place, in that source."""
        try:
            there = self.index.sources(citation.document)
        except UnicodeEncodeError:  # the file of a conversation may say anything, half characters too
            return False
        if citation.source not in [source.location for source in there]:
            return False
        return self.index.text(citation.document, citation.start, citation.end) == citation.quote

    def retry(self, _: str) -> None:
        """Answer the last question again."""
        self.answer("")

    def system(self, persona: str) -> None:
        """Set the persona, or take it away."""
        self.talk.persona = persona
        if self.path and self.saves:
            append(self.path, persona)
        if persona and not self.talk.generator.writes_prose:
            complain("answers are quotes here; a persona shows where a language model writes prose")

    def save(self, file: str) -> None:
        """Keep the conversation in a file, and go on there."""
        transcript = Transcript(self.talk.persona, self.talk.turns)
        if file:
            path = _file(file)
            save(path, transcript)
            self.path, self.kept = path, self.talk.turns
        elif self.path is None or not self.saves:
            self.path, self.kept = _new_file(transcript), self.talk.turns
        self.saves = True
        self.keep()
        self.say_where()

    def open(self, file: str) -> None:
        """Go on with another conversation."""
        self.keep()
        path = _path(file or None)
        so_far = load(path)
        self.path, self.talk.persona, self.talk.turns = path, so_far.persona, so_far.turns
        self.kept = so_far.turns
        self.say_where()

    def new(self, _: str) -> None:
        """Begin another conversation."""
        self.keep()
        self.path, self.talk.persona, self.talk.turns = None, "", ()
        self.kept = ()

    def help(self, _: str) -> None:
        """Print the commands."""
        if self.json:
            jsonout.write_json({"commands": {name: what for name, (_argument, what, _do) in COMMANDS.items()}})
            return
        for name, (argument, what, _do) in COMMANDS.items():
            self.paper.line((f"{name} {argument}".ljust(20), render.STRONG), what)

    def quit(self, _: str) -> None:
        """Leave."""
        self.goes_on = False

    def say_where(self) -> None:
        """Say what is gone on with."""
        last = f", the last: {self.talk.turns[-1].question}" if self.talk.turns else ""
        persona = f"; persona: {self.talk.persona}" if self.talk.persona else ""
        complain(f"{self.path}: {len(self.talk.turns)} turns{last}{persona}")


COMMANDS: dict[str, tuple[str, str, Callable[[_Chat, str], None]]] = {
    "/sources": ("", "what the last answer cites, and where it stands", _Chat.sources),
    "/retry": ("", "answer the last question again", _Chat.retry),
    "/system": ("[TEXT]", "a persona, such as: You are brief. None without a text", _Chat.system),
    "/save": ("[FILE]", "keep this conversation in a file of its own, and go on there", _Chat.save),
    "/open": ("[NAME|FILE]", "go on with another one, the last if none is named", _Chat.open),
    "/new": ("", "begin another one", _Chat.new),
    "/help": ("", "this list", _Chat.help),
    "/quit": ("", "leave", _Chat.quit),
}


def _typed_lines() -> Iterator[str]:
    """What is typed, until Ctrl-D or the second Ctrl-C in a row; with line editing where Python has it."""
    if find_spec("readline"):
        import readline  # noqa: F401  (input() edits lines once it is there)
    pressed = False
    while True:
        try:
            line = _typed_line().strip()
        except EOFError:
            print(file=sys.stderr)
            return
        except KeyboardInterrupt:
            print(file=sys.stderr)
            if pressed:
                return
            pressed = True
            complain("Ctrl-C once more leaves, as do Ctrl-D and /quit")
            continue
        pressed = False
        if line:
            yield line


def _typed_line() -> str:
    """The next line that is typed; where the answers go to a file or a pipe, the prompt does not go with them."""
    if sys.stdout.isatty():
        return input(PROMPT)
    print(PROMPT, end="", file=sys.stderr, flush=True)
    return input("")


def _piped_lines() -> Iterator[str]:
    """The lines of a pipe or a file, which are UTF-8 whatever the locale."""
    sys.stdin.reconfigure(encoding="utf-8-sig", errors="replace")  # type: ignore[union-attr]
    yield from filter(None, map(str.strip, sys.stdin))


def folder() -> Path:
    """Where conversations are kept: `rag/conversations` in the platform's folder for a user's data."""
    from platformdirs import user_data_path

    return user_data_path("rag", appauthor=False) / "conversations"


def _path(name: str | None) -> Path:
    """The file of a conversation by its name or path; the one that was changed last where there is no name."""
    if name is None:
        kept = sorted(folder().glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns)
        if not kept:
            raise ConversationError(f"no conversation is kept in {folder()} yet; begin one with: rag chat")
        return kept[-1]
    path = _file(name)
    return path if path.is_file() or len(path.parts) > 1 or path.suffix else folder() / f"{name}{SUFFIX}"


def _file(name: str) -> Path:
    """The path that was typed. Raises ConversationError where no file can be called so."""
    try:
        path = Path(name).expanduser()
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()
    except (OSError, RuntimeError, ValueError) as error:
        raise ConversationError(f"there can be no conversation in {name!r} ({error}); name another file") from error
    return path


def _new_file(transcript: Transcript) -> Path:
    """A file named after the moment, with what was said so far."""
    moment = datetime.now().strftime("%Y-%m-%d-%H%M%S")
    names = (moment if number == 1 else f"{moment}-{number}" for number in count(1))
    path = next(path for name in names if not (path := folder() / f"{name}{SUFFIX}").exists())
    save(path, transcript)
    return path
