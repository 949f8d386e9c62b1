"""WebVTT and SubRip: what is said, who says it, and when."""

from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.readers import READERS
from rag.datatypes import Document, place_at


def read(text: str, path: str = "a.vtt") -> Document:
    outcome = READERS[path[1:]].read(text.encode(), path)
    assert isinstance(outcome, Document), outcome
    return outcome


SRT = """\
1
00:00:01,000 --> 00:00:03,000
The <i>winch</i> hauls
the line.

2
00:00:03,100 --> 00:00:04,000
{\\an8}起锚。

3
01:02:20,500 --> 01:02:22,000
Later.
"""


def test_cues_that_follow_at_once_are_a_paragraph_and_have_their_times() -> None:
    found = read(SRT, "a.srt")
    assert found.text == "The winch hauls\nthe line.\n起锚。\n\nLater.\n"
    assert [place_at(found.pages, found.text.index(each)) for each in ("the line", "起", "Later")] == [
        "00:00:01",
        "00:00:03",
        "01:02:20",
    ]


def test_vtt_keeps_speakers_and_leaves_notes_and_styles_out() -> None:
    found = read(
        "WEBVTT - deck\nKind: captions\n\nNOTE\nnot said\n\nSTYLE\n::cue {}\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start\n<v Mia Lind>Haul &amp; hold!</v>\n\n"
        "00:02.000 --> 00:03.000\n<v Mia Lind>Now.\n\n00:03.000 --> 00:04.000\n<v.loud Ole>Aye."
    )
    assert found.text == "Mia Lind: Haul & hold!\nNow.\n\nOle: Aye.\n"


def test_two_speakers_in_one_cue_each_have_their_words() -> None:
    cue = "WEBVTT\n\n00:01.000 --> 00:02.000\n<v Ann>Cast off!</v>\n<v.loud Jan Ole>Now?</v>\n"
    assert read(cue).text == "Ann: Cast off!\nJan Ole: Now?\n"


def test_a_blank_line_in_a_cue_of_srt_loses_nothing() -> None:
    text = "1\n00:00:01,000 --> 00:00:02,000\nThe winch\n\nhauls.\n\n2\n00:00:09,000 --> 00:00:10,000\nLater.\n"
    assert read(text, "a.srt").text == "The winch\nhauls.\n\nLater.\n"
    assert read("WEBVTT\n\n00:01.000 --> 00:02.000\nSaid.\n\nNOTE\nnot said\n").text == "Said.\n"


def test_captions_that_roll_up_are_said_once() -> None:
    cues = [("one two",), ("one two", "three four"), ("three four", "five"), ("five",)]
    text = "".join(f"00:0{at}.000 --> 00:0{at + 1}.000\n" + "\n".join(cue) + "\n\n" for at, cue in enumerate(cues))
    assert read("WEBVTT\n\n" + text).text == "one two\nthree four\nfive\n"


def test_a_number_before_the_next_time_is_no_text_even_without_a_blank_line() -> None:
    assert read("1\n00:00:01,0 --> 00:00:02,0\na\n2\n00:00:02,0 --> 00:00:03,0\nb\n", "a.srt").text == "a\nb\n"


def test_what_is_said_forges_no_structure() -> None:
    assert read("WEBVTT\n\n00:01.000 --> 00:02.000\n# not a heading\n```\n").text == "\\# not a heading\n\\```\n"


def test_a_file_without_cues_is_text() -> None:
    found = read("Just some words.\n", "a.srt")
    assert (found.text, found.markup, found.pages) == ("Just some words.\n", "plain", ())


@given(
    st.lists(
        st.sampled_from(["00:01.000 --> 00:02.000", "1", "", "hi", "<v Mia>", "-->", "a <b", "{\\an8}", "🎵"]),
        max_size=30,
    )
)
def test_places_are_where_the_text_is(lines: list[str]) -> None:
    outcome = READERS[".vtt"].read("\n".join(["WEBVTT", *lines]).encode(), "a.vtt")
    if isinstance(outcome, Document):
        assert all(outcome.text[page.start : page.end].strip() and page.label for page in outcome.pages)
