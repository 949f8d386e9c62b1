"""Files that crash, hang, burst and reach out, in real child processes: each ends in its state, and is the only one."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from rag.corpus.readers import HTML
from rag.corpus.readers.plain import PLAIN
from rag.corpus.readers.reader import Content, Member, Parsed, Reader, Unread, document_id
from rag.corpus.sandbox.answers import outcome_of
from rag.corpus.sandbox.confinement import ALL
from rag.corpus.sandbox.frames import Garbled, read_frame
from rag.corpus.sandbox.limits import Limits
from rag.corpus.sandbox.pool import Sandbox
from rag.datatypes import Document, Page, State
from tests.corpus.misbehaving import READERS

MODULE = "tests.corpus.misbehaving"
ROOT = Path(__file__).parents[2]
QUICK = Limits(seconds=1.5, memory=256 * 2**20)
linux = pytest.mark.skipif(sys.platform != "linux", reason="what only Linux's kernel enforces")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(readers=[MODULE]) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def strict() -> Iterator[Sandbox]:
    with Sandbox(QUICK, readers=[MODULE]) as sandbox:
        yield sandbox


def parsed(sandbox: Sandbox, kind: str, data: bytes | str = b"x") -> Parsed:
    content = data.encode() if isinstance(data, str) else data
    return sandbox.parse(READERS[f".{kind}"], content, f"a.{kind}")


def text(sandbox: Sandbox, kind: str, data: bytes | str = b"x") -> str:
    outcome = parsed(sandbox, kind, data).outcome
    assert isinstance(outcome, Document), outcome
    return outcome.text


def failure(sandbox: Sandbox, kind: str, data: bytes | str = b"x") -> str:
    """The reason why the file failed, after which the next one is read as ever."""
    outcome = parsed(sandbox, kind, data).outcome
    assert isinstance(outcome, Unread), outcome
    assert outcome.state is State.FAILED
    assert text(sandbox, "ordinary", "fine") == "fine"
    return outcome.reason


# ---------------------------------------------------------------- what goes through


def test_a_document_comes_back_as_it_was_made(sandbox: Sandbox) -> None:
    data = "# 水泵\n\nÖl \U0001f6e2\n".encode()
    expected = READERS[".ordinary"].open(data, "a.ordinary")
    assert parsed(sandbox, "ordinary", data) == expected
    pages = (Page(1, 0, 1, "line 1", State.NEEDS_OCR),)
    assert expected.outcome == Document(
        document_id(data, READERS[".ordinary"], pages),
        data.decode(),
        "markdown",
        "A title",
        pages,
        (("author", "李"),),
    )


def test_the_usual_readers_give_the_same_as_without_a_child(sandbox: Sandbox) -> None:
    data = b"<html><head><title>Pump</title></head><body><h1>Oil</h1><p>Every <b>week</b>.</p></body></html>"
    assert sandbox.parse(HTML, data, "pump.html") == HTML.open(data, "pump.html")


def test_plain_text_is_decoded_without_a_child() -> None:
    with Sandbox(readers=["no.such.module"]) as sandbox:  # no child could start
        outcome = sandbox.parse(PLAIN, b"text", "a.txt").outcome
    assert isinstance(outcome, Document)
    assert not PLAIN.isolated
    assert HTML.isolated


def test_many_files_are_read_by_one_process(sandbox: Sandbox) -> None:
    assert len({text(sandbox, "process") for _ in range(20)}) == 1


def test_a_process_is_recycled_after_its_files_and_after_much_memory() -> None:
    with Sandbox(Limits(files=2), readers=[MODULE]) as sandbox:
        pids = [text(sandbox, "process") for _ in range(4)]
    assert (pids[0] == pids[1], pids[1] == pids[2], pids[2] == pids[3]) == (True, False, True)
    with Sandbox(Limits(lean=1), readers=[MODULE]) as sandbox:
        assert text(sandbox, "process") != text(sandbox, "process")


def test_a_process_is_not_blamed_for_the_memory_of_its_parent() -> None:
    held = bytearray(b"x" * Limits().lean)
    with Sandbox(readers=[MODULE]) as sandbox:
        assert text(sandbox, "process") == text(sandbox, "process")
    assert held


def test_a_child_loads_nothing_heavy(sandbox: Sandbox) -> None:
    assert not {"torch", "numpy", "transformers", "faiss", "typer"} & set(text(sandbox, "modules").split())


def test_what_a_library_prints_and_reads_is_no_part_of_the_answer(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    assert text(sandbox, "prints") == "printed"
    assert text(sandbox, "input") == "read '' and b''"
    assert capfd.readouterr() == ("", "")


def test_what_a_reader_says_is_said(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert text(sandbox, "notes", "3 hidden\nthings") == "noted"
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [("WARNING", "a.notes: 3 hidden things")]
    assert text(sandbox, "ordinary", "nothing new") == "nothing new"
    assert len(caplog.records) == 1


def test_all_that_documents_and_pages_have_goes_through() -> None:
    """A new field is one more to send and to check: `rag.corpus.sandbox.answers`."""
    assert [each.name for each in fields(Page)] == ["number", "start", "end", "label", "state"]
    assert [each.name for each in fields(Document)] == ["id", "text", "markup", "title", "pages", "metadata"]
    assert [each.name for each in fields(Unread)] == ["state", "reason", "fix"]
    assert [each.name for each in fields(Member)] == ["name", "data", "problem"]


# ---------------------------------------------------------------- crashes, hangs, bombs


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("abort", r"the parser crashed \(signal 6\)"),
        ("segfault", r"the parser crashed \(signal 11\)"),
        ("exits", r"the parser crashed \(status 3\)"),
        ("raises", r"the parser failed: KeyError: 'no such.*thing'"),
        ("recurses", "the parser failed: RecursionError"),
        ("garbage", "does not answer as one does"),
    ],
)
def test_a_crash_is_one_files_state(
    sandbox: Sandbox, kind: str, reason: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert re.search(reason, failure(sandbox, kind))
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["loops", "sleeps", "deaf"])
def test_a_hang_ends_with_the_time_of_one_file(strict: Sandbox, kind: str) -> None:
    started = time.monotonic()
    assert failure(strict, kind) == "reading it took more than 1.5 s"
    assert time.monotonic() - started < 20


def test_memory_is_bounded(strict: Sandbox) -> None:
    assert failure(strict, "eats") == "reading it needed more than 0.25 GiB of memory"


# ---------------------------------------------------------------- pages


def page_states(outcome: Document | Unread) -> list[str]:
    """Of each page its text, or the state in which it was passed over."""
    assert isinstance(outcome, Document), outcome
    return [page.state.value if page.state else outcome.text[page.start : page.end] for page in outcome.pages]


@pytest.mark.parametrize("work", ["!sleep", "!burn"])
def test_each_page_has_the_time_of_a_file(work: str) -> None:
    heard: list[tuple[str, int, int]] = []
    with Sandbox(Limits(seconds=3), [MODULE], on_page=lambda *told: heard.append(told)) as sandbox:
        assert page_states(parsed(sandbox, "paged", "\n".join([work] * 10)).outcome) == [work] * 10
    assert heard == [("a.paged", number, 10) for number in range(1, 11)]


@pytest.mark.parametrize("deed", ["!hang", "!abort", "!eat"])
def test_a_page_over_which_a_process_ends_costs_no_other_page(strict: Sandbox, deed: str) -> None:
    found = parsed(strict, "paged", f"one\n{deed}\nthree").outcome
    assert page_states(found) == ["one", "failed", "three"]
    assert text(strict, "ordinary", "fine") == "fine"


def test_a_file_with_many_such_pages_fails(strict: Sandbox) -> None:
    assert page_states(parsed(strict, "paged", "one\n!abort\n!abort\n!abort").outcome) == ["one", *["failed"] * 3]
    assert failure(strict, "paged", "one\n!eat\n!abort\n!abort\n!abort").startswith("reading it needed more than")


def test_a_file_of_which_nothing_is_left_has_failed_as_its_page_did(strict: Sandbox) -> None:
    assert failure(strict, "paged", "!hang\n!hang") == "reading it took more than 1.5 s"


def test_a_file_of_one_page_is_not_tried_without_it() -> None:
    begun: list[int] = []
    with Sandbox(QUICK, [MODULE], on_page=lambda _path, page, _count: begun.append(page)) as sandbox:
        assert failure(sandbox, "paged", "!hang") == "reading it took more than 1.5 s"
    assert begun == [1]


def test_what_ends_a_process_between_the_pages_is_blamed_on_none(strict: Sandbox) -> None:
    assert failure(strict, "paged", "one\n!end") == "the parser crashed (signal 6)"
    assert failure(strict, "paged", "one\n!raise") == "the parser failed: ValueError: damaged"


def test_pages_have_no_more_than_the_time_of_a_whole_file_together() -> None:
    with Sandbox(Limits(seconds=1.5, whole=1.0), readers=[MODULE]) as sandbox:
        found = page_states(parsed(sandbox, "paged", "\n".join(["!sleep"] * 5)).outcome)
        assert (found[0], found[-1]) == ("!sleep", "too-large")
        assert failure(sandbox, "paged", "!endless") == "reading it took more than 1 s for all its pages"


def test_a_child_that_tells_of_pages_without_end_is_ended(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.corpus.sandbox.worker._MOST_PAGES", 50)
    assert failure(sandbox, "paged", "!many") == "the parser does not answer as one does: it has too many pages"


@pytest.mark.parametrize("number", [-1, 10**30, 1.5, None, "1"])
def test_a_page_that_there_is_not_is_refused(strict: Sandbox, number: object) -> None:
    told = json.dumps({"kind": "page", "number": number, "of": 3})
    assert "no such page" in failure(strict, "lies", f"{told}\n")
    told = json.dumps({"kind": "page", "number": 1, "of": number})
    assert "no such page" in failure(strict, "lies", f"{told}\n")


def test_passwords_reach_a_reader_that_takes_them() -> None:
    with Sandbox(readers=[MODULE], passwords=["one", "two, three"]) as sandbox:
        assert text(sandbox, "told") == "passwords: one, two, three"


# ---------------------------------------------------------------- too much


def test_more_than_can_be_handed_on_is_named(sandbox: Sandbox) -> None:
    outcome = parsed(sandbox, "huge").outcome
    assert isinstance(outcome, Unread)
    assert (outcome.state, outcome.reason) == (State.TOO_LARGE, "300 MiB of text or places")
    outcome = parsed(sandbox, "pages").outcome
    assert isinstance(outcome, Unread)
    assert outcome.state is State.TOO_LARGE


def test_a_file_that_kills_a_used_process_is_tried_in_a_fresh_one() -> None:
    with Sandbox(readers=[MODULE]) as sandbox:
        first = text(sandbox, "leaves")
        second = text(sandbox, "leaves")
        assert first != second


# ---------------------------------------------------------------- a child is not believed

SOUND: dict[str, object] = {"kind": "document", "markup": "plain", "title": "", "pages": [], "metadata": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"markup": "html"},
        {"markup": None},
        {"title": 3},
        {"title": "a\nb"},
        {"title": "\ud800"},
        {"pages": [[1, 0, 99, "", None]]},
        {"pages": [[1, 3, 2, "", None]]},
        {"pages": [[0, 0, 1, "", None]]},
        {"pages": [[1, -1, 1, "", None]]},
        {"pages": [[1, 0, 1.5, "", None]]},
        {"pages": [[10**30, 0, 1, "", None]]},
        {"pages": [["1", 0, 1, "", None]]},
        {"pages": [[1, 0, 1, "\0", None]]},
        {"pages": [[1, 0, 1, "", "indexed"]]},
        {"pages": [[1, 0, 1, "", "encrypted"]]},
        {"pages": [[1, 0, 1, "", []]]},
        {"pages": [[1, 0, 1, ""]]},
        {"pages": {"1": 1}},
        {"metadata": [["a"]]},
        {"metadata": [["a", 1]]},
        {"metadata": "ab"},
        {"kind": "member"},
        {"kind": "unread", "state": "failed", "reason": "", "fix": ""},  # with a text
    ],
)
def test_an_answer_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(Garbled):
        heard({**SOUND, **wrong})


def test_an_answer_that_makes_sense_is_taken() -> None:
    assert heard(SOUND) == Document(document_id(b"x", HTML), "some text")


@pytest.mark.parametrize("text", [b"", b"  ", b"\xff", b"a\0b", b"\xed\xa0\x80"])
def test_a_text_that_is_none_is_refused(text: bytes) -> None:
    with pytest.raises(Garbled):
        heard(SOUND, text)


@pytest.mark.parametrize("state", ["indexed", "unchanged", "duplicate-of", "fine", None, []])
def test_a_state_that_a_file_cannot_end_in_is_refused(state: object) -> None:
    with pytest.raises(Garbled, match="no such state"):
        heard({"kind": "unread", "state": state, "reason": "", "fix": ""}, b"")


def test_a_reason_is_one_line_of_bounded_length() -> None:
    outcome = heard({"kind": "unread", "state": "failed", "reason": "a\nb\0" + "c" * 10**6, "fix": ""}, b"")
    assert isinstance(outcome, Unread)
    assert outcome.reason.startswith("a b\ufffdc")
    assert len(outcome.reason) <= 1000


@pytest.mark.parametrize("header", ["[]", "1", "{", "[" * 100_000, '{"kind": NaN'])
def test_a_header_that_is_none_is_refused(header: str) -> None:
    packed = len(header).to_bytes(4, "big") + bytes(8) + header.encode()
    with pytest.raises(Garbled, match=r"not (JSON|a JSON object)"):
        read_frame(io.BytesIO(packed))


@pytest.mark.parametrize("lengths", [(2**32 - 1, 0), (0, 2**64 - 1)])
def test_a_frame_that_claims_too_much_is_refused(lengths: tuple[int, int]) -> None:
    with pytest.raises(Garbled, match="a frame of"):
        read_frame(io.BytesIO(lengths[0].to_bytes(4, "big") + lengths[1].to_bytes(8, "big")))


def heard(header: dict[str, object], text: bytes = b"some text") -> Document | Unread:
    """What is made of a child's frame."""
    return outcome_of((json.loads(json.dumps(header)), text), HTML, b"x")


def test_a_child_that_lies_is_ended_and_its_file_fails(strict: Sandbox) -> None:
    header = json.dumps({**SOUND, "pages": [[1, 0, 99, "", None]]})
    assert "a place that is not in the text" in failure(strict, "lies", f"{header}\nsome text")


# ---------------------------------------------------------------- it reaches nothing


@pytest.mark.parametrize("kind", ["socket", "resolve", "run", "fork"])
def test_no_network_and_no_other_process(sandbox: Sandbox, kind: str) -> None:
    assert text(sandbox, kind, "localhost").startswith("refused")


@pytest.mark.parametrize("kind", ["open", "write", "delete"])
def test_no_file(sandbox: Sandbox, kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    assert text(sandbox, kind, str(secret)).startswith("refused")
    assert secret.read_text(encoding="utf-8") == "secret"
    assert text(sandbox, "write", str(tmp_path / "new")).startswith("refused")
    assert list(tmp_path.iterdir()) == [secret]


@linux
@pytest.mark.parametrize("kind", ["list", "native-open", "native-write", "native-unlink", "native-chmod"])
def test_no_file_past_python_either(sandbox: Sandbox, kind: str, tmp_path: Path) -> None:
    _needs(sandbox, "files")
    secret = tmp_path / "secret.txt"
    secret.write_text("secret", encoding="utf-8")
    secret.chmod(0o644)
    assert text(sandbox, kind, str(tmp_path if kind == "list" else secret)).startswith("refused")
    assert secret.read_text(encoding="utf-8") == "secret"
    assert secret.stat().st_mode & 0o777 == 0o644
    for path in ("/etc/passwd", "/proc/self/environ", str(Path.home()), str(ROOT / "pyproject.toml")):
        assert text(sandbox, "native-open", path).startswith("refused")


@linux
@pytest.mark.parametrize("kind", ["native-socket", "native-fork", "native-exec", "native-kill", "kill"])
def test_no_network_and_no_other_process_past_python_either(sandbox: Sandbox, kind: str) -> None:
    _needs(sandbox, "sockets", "processes")
    argument = str(os.getpid()) if "kill" in kind else "/bin/true"
    assert text(sandbox, kind, argument).startswith("refused")


def _needs(sandbox: Sandbox, *names: str) -> None:
    missing = set(names) - sandbox.enforced()
    if missing:
        pytest.skip(f"this kernel does not enforce: {missing}")


def test_modules_beside_a_users_script_do_not_stand_for_pythons_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("encodings", "json", "struct"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(1)", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    with Sandbox() as sandbox:
        outcome = sandbox.parse(HTML, b"<p>Read.</p>", "a.html").outcome
    assert isinstance(outcome, Document), outcome


def test_the_environment_holds_nothing_of_the_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_API_KEY", "secret")
    with Sandbox(readers=[MODULE]) as sandbox:
        names = text(sandbox, "environment")
    assert "RAG_API_KEY" not in names
    assert "MALLOC_MMAP_THRESHOLD_" in names
    assert "HOME" not in names


@linux
def test_no_descriptor_is_inherited(sandbox: Sandbox, tmp_path: Path) -> None:
    with (tmp_path / "open").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        with Sandbox(readers=[MODULE]) as fresh:
            assert text(fresh, "descriptors") == "[0, 1, 2, 3, 4, 5]"


def test_what_is_not_enforced_is_said(sandbox: Sandbox) -> None:
    assert sandbox.enforced() <= ALL.keys()
    if sys.platform == "linux":
        assert {"memory", "processor time", "open files", "orphans"} <= sandbox.enforced()


# ---------------------------------------------------------------- files within a file


def test_members_come_one_by_one_while_others_are_parsed(sandbox: Sandbox) -> None:
    outer = parsed(sandbox, "members", "a.txt=first\nb.txt=second\n")
    assert outer.outcome == Unread(State.EMPTY, "no text")
    found = [(member.name, member.data, text(sandbox, "ordinary", member.data)) for member in outer.members]
    assert found == [("a.txt", b"first", "first"), ("b.txt", b"second", "second")]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("!abort", "the parser crashed (signal 6)"),
        ("!loop", "reading it took more than 1.5 s"),
        ("!raise", "the parser failed: ValueError: damaged"),
        ("!unread", "damaged from here on"),
    ],
)
def test_members_that_end_early_say_why(strict: Sandbox, line: str, reason: str) -> None:
    found = list(parsed(strict, "members", f"a.txt=first\n{line}").members)
    assert found == [Member("a.txt", b"first"), Member("", problem=Unread(State.FAILED, reason))]
    assert text(strict, "ordinary", "fine") == "fine"


def test_a_member_that_cannot_be_had_says_why(sandbox: Sandbox) -> None:
    locked, large = parsed(sandbox, "members", "!encrypted\n!large").members
    assert locked == Member("locked.txt", problem=Unread(State.ENCRYPTED, "needs a password"))
    assert large.problem is not None
    assert large.problem.state is State.TOO_LARGE


def test_members_that_nobody_takes_leave_no_process(tmp_path: Path) -> None:
    before = _children()
    with Sandbox(readers=[MODULE]) as sandbox:
        members = iter(parsed(sandbox, "members", "a=" + "x" * 10**6 + "\nb=" + "x" * 10**6).members)
        next(members)
        assert text(sandbox, "ordinary", "fine") == "fine"
    assert _children() == before


# ---------------------------------------------------------------- its end


def test_no_process_is_left(sandbox: Sandbox) -> None:
    before = _children()
    with Sandbox(readers=[MODULE]) as own:
        text(own, "process")
        assert _children() > before or not before
    assert _children() == before


def _children() -> set[str]:
    """The processes of this one, zombies included, where there is a way to know."""
    listing = Path(f"/proc/self/task/{os.getpid()}/children")
    return set(listing.read_text().split()) if listing.exists() else set()


@linux
@pytest.mark.parametrize("kind", ["ordinary", "loops", "members"])
def test_children_die_with_a_parent_that_is_killed(tmp_path: Path, kind: str) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(f"""
            import os, threading
            from rag.corpus.sandbox.pool import Sandbox
            from tests.corpus.misbehaving import READERS
            sandbox = Sandbox(readers=[{MODULE!r}])
            pid = sandbox.parse(READERS[".process"], b"x", "a.process").outcome.text
            print(pid, flush=True)
            parsed = sandbox.parse(READERS[".{kind}"], b"a=b", "a.{kind}")
            input()
        """),
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert Path(f"/proc/{child}").exists()
        time.sleep(0.2)
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 10
    while _alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(child)


def _alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(os.name == "nt", reason="sends SIGINT")
def test_ctrl_c_ends_parent_and_child_without_noise_from_the_child(tmp_path: Path) -> None:
    script = (
        "import signal\n"
        "from rag.corpus.sandbox.pool import Sandbox\n"
        "from tests.corpus.misbehaving import READERS\n"
        f"with Sandbox(readers=[{MODULE!r}]) as sandbox:\n"
        "    print(sandbox.parse(READERS['.process'], b'x', 'a.process').outcome.text, flush=True)\n"
        "    try:\n"
        "        sandbox.parse(READERS['.sleeps'], b'x', 'a.sleeps')\n"
        "    except KeyboardInterrupt:\n"
        "        pass\n"
        "print('ended', flush=True)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        text=True,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        time.sleep(0.3)
        os.killpg(parent.pid, signal.SIGINT)
        out, err = parent.communicate(timeout=30)
    assert (out, err) == ("ended\n", "")
    assert not _alive(child)


def test_a_thread_may_parse_and_end() -> None:
    with Sandbox(readers=[MODULE]) as sandbox:
        found: list[str] = []
        thread = threading.Thread(target=lambda: found.append(text(sandbox, "ordinary", "from a thread")))
        thread.start()
        thread.join()
        found.append(text(sandbox, "ordinary", "from the first"))
    assert found == ["from a thread", "from the first"]


def test_a_script_without_a_main_guard_may_ingest(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.html").write_text("<p>Oil the pump every week.</p>", encoding="utf-8")
    script = (
        "from rag import ingest\n"
        "from rag.models.fakes import HashEmbedder\n"
        f"report = ingest([{str(tmp_path / 'docs')!r}], {str(tmp_path / 'index')!r}, HashEmbedder())\n"
        "print(report.files['indexed'])\n"
    )
    for command in (["-c", script], ["-"]):  # as in a notebook, where the current folder is the first to import from
        done = subprocess.run(
            [sys.executable, *command], input=script, cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert (done.stdout.strip(), done.stderr) in (("1", ""), ("0", ""))


def test_a_reader_that_raises_in_this_process_is_its_files_state() -> None:
    def parse(data: bytes, path: str) -> Content:
        raise RecursionError("too deep")

    with Sandbox() as sandbox:
        outcome = sandbox.parse(Reader("near", "1", parse, isolated=False), b"x", "a.txt").outcome
    assert outcome == Unread(State.FAILED, "the parser failed: RecursionError: too deep")
