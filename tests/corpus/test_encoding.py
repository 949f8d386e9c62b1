"""Bytes of text files: which encoding they are in, and when nobody can tell."""

import codecs
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.readers.encodings.encoding import Decoded, decode
from rag.corpus.readers.reader import Unread
from rag.datatypes import State

RUSSIAN = "Насос необходимо проверять каждый день перед запуском. Закройте крышку и проверьте давление масла."
JAPANESE = "この機械は毎日点検しなければならない。始動の前に安全カバーを閉め、圧力計の針を確認する。"
CZECH = (
    "Čerpadlo se musí každý den zkontrolovat, než je spuštěno. Je to také povinnost, která se zapíše do knihy "
    "a kterou podle předpisu vykoná mistr. Žádný šroub nesmí být uvolněný, není to dovoleno."
)
GERMAN = (
    "Die Pumpe muss täglich geprüft werden, bevor sie für die Schicht geöffnet wird. Größe und Gewicht "
    "stehen auf dem Schild, und für die Wartung ist der Meister zuständig."
)
TURKISH = (
    "Pompa her gün çalışmadan önce kontrol edilmelidir. Bu iş için bir usta gerekir ve kayıt defterine ne "
    "olduğu yazılır; çok önemli bir görevdir. Basınç da ölçülür."
)
TEXTS = {
    "gb18030": "海棠烘干线的操作手册：先打开排湿风门，再启动风机，最后启动热泵。每班结束时清扫出料口，并作记录。",
    "big5": "臺灣的海岸線很長，漁民每天清晨出海捕魚，傍晚才回到港口。港口旁邊有一個小市場，賣新鮮的魚和蔬菜。",
    "cp932": JAPANESE,
    "euc_jp": JAPANESE,
    "iso2022_jp": JAPANESE,
    "cp949": "이 기계는 매일 점검해야 합니다. 시작하기 전에 안전 덮개를 닫고 압력계의 바늘을 확인하십시오.",
    "koi8_r": RUSSIAN,
    "cp1251": RUSSIAN,
    "cp866": RUSSIAN,
    "cp1252": GERMAN,
    "cp1250": CZECH,
    "iso8859_2": CZECH,
    "cp1254": TURKISH,
    "cp1253": "Η αντλία πρέπει να ελέγχεται κάθε μέρα πριν από την εκκίνηση και το καπάκι να είναι κλειστό.",
    "cp1256": "يجب فحص المضخة كل يوم قبل التشغيل، ويجب إغلاق الغطاء والتأكد من ضغط الزيت في الآلة.",
    "cp1255": "יש לבדוק את המשאבה בכל יום לפני ההפעלה, לסגור את המכסה ולוודא שלחץ השמן תקין.",
}


def text_of(data: bytes, declared: str = "") -> str:
    outcome = decode(data, declared)
    assert isinstance(outcome, Decoded), outcome
    return outcome.text


def why_not(data: bytes) -> str:
    outcome = decode(data)
    assert isinstance(outcome, Unread), outcome
    assert outcome.state is State.UNDECODABLE
    return outcome.reason


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(lambda text: text[0] != "\ufeff"))
def test_utf8_is_read_as_it_is(text: str) -> None:
    assert text_of(text.encode()) == text


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_a_byte_order_mark_is_honoured_and_left_out(mark: bytes, encoding: str) -> None:
    assert text_of(mark + "Größe\r\n温度".encode(encoding)) == "Größe\r\n温度"


def test_a_wrong_byte_order_mark_is_told() -> None:
    assert "marked as utf-8" in why_not(codecs.BOM_UTF8 + b"\xff\xfe\xfa")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_text_without_a_mark_is_recognised(encoding: str) -> None:
    assert text_of("The pump, 泵, runs.\n".encode(encoding)) == "The pump, 泵, runs.\n"


@pytest.mark.parametrize("encoding", TEXTS)
def test_an_old_encoding_is_recognised(encoding: str) -> None:
    assert text_of(TEXTS[encoding].encode(encoding)) == TEXTS[encoding]


@pytest.mark.parametrize("encoding", TEXTS)
@pytest.mark.parametrize("length", [5, 9, 14, 22, 30])
def test_a_short_text_is_never_read_in_a_wrong_encoding(encoding: str, length: int) -> None:
    for start in range(0, len(TEXTS[encoding]) - length, 3):
        part = TEXTS[encoding][start : start + length]
        outcome = decode(part.encode(encoding))
        assert isinstance(outcome, Unread) or outcome.text == part


def test_the_guess_is_named_where_nothing_is_sure() -> None:
    assert why_not("käse über".encode("latin-1")).startswith("not UTF-8; perhaps ")


def test_damaged_utf8_is_told_with_its_place() -> None:
    data = ("Größe und Wärme äöü. " * 20).encode()
    assert why_not(data + b"\xff" + data) == f"UTF-8 with damage in 1 places, the first at byte {len(data)}"


@pytest.mark.parametrize(
    "data",
    [b"\x00\x01\x02\x03", bytes(range(256)), b"text\x00text", b"\x01\x02\x03\x04\x05\x06", b"ab\x00\xd8\x00\xd8"],
)
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    assert why_not(data)


def test_a_log_with_colours_is_text() -> None:
    text = "\x1b[31mERROR\x1b[0m the pump stopped\n" * 50
    assert text_of(text.encode()) == text


def test_what_a_file_declares_is_believed_where_it_holds() -> None:
    assert text_of("äöü".encode("latin-1"), "ISO-8859-1") == "äöü"
    assert text_of("温度".encode("gb18030"), "gb2312") == "温度"
    assert text_of("温度和压力".encode(), "gb2312") == "温度和压力"


@pytest.mark.parametrize(
    "label", ["utf-16", "unicode_escape", "hex", "no-such", "", "utf-7", "\u00e4", "undefined", "rot13"]
)
def test_a_label_that_makes_no_sense_is_passed_over(label: str) -> None:
    assert text_of("Größe \\u00e4".encode(), label) == "Größe \\u00e4"


def test_few_damaged_bytes_of_a_declared_encoding_become_replacement_characters() -> None:
    text = "温度和压力。" * 200
    damaged = text.encode("gb18030") + b"\xff" + b"\n"
    assert text_of(damaged, "gb18030").startswith(text)


@given(st.binary(max_size=400), st.sampled_from(["", "utf-8", "gb2312", "big5", "shift_jis", "koi8-r"]))
def test_any_bytes_end_as_text_or_with_a_reason(data: bytes, declared: str) -> None:
    outcome = decode(data, declared)
    assert isinstance(outcome, Decoded) or outcome.reason


UKRAINIAN = (
    "Насос перевіряють щодня перед запуском. Закрийте кришку, перевірте тиск оливи й запишіть його в журнал зміни."
)
POLISH = "Pompę należy sprawdzać codziennie przed uruchomieniem. Załóż osłonę, sprawdź ciśnienie i zapisz je w książce."
LATVIAN = (
    "Sūknis jāpārbauda katru dienu pirms iedarbināšanas. Aizveriet vāku, pārbaudiet eļļas spiedienu un pierakstiet to."
)
FRENCH = "La pompe doit être vérifiée chaque jour avant le démarrage. Fermez le capot, contrôlez la pression, notez-la."
THAI = "ต้องตรวจสอบเครื่องสูบน้ำทุกวันก่อนเริ่มทำงาน ปิดฝาครอบ ตรวจสอบความดันน้ำมัน และจดบันทึกไว้ในสมุด"
MORE = {
    "hz": TEXTS["gb18030"],
    "johab": TEXTS["cp949"],
    "iso2022_kr": TEXTS["cp949"],
    "koi8_u": UKRAINIAN,
    "cp1125": UKRAINIAN,
    "mac_cyrillic": RUSSIAN,
    "iso8859_5": RUSSIAN,
    "cp855": RUSSIAN,
    "cp852": POLISH,
    "mac_latin2": POLISH,
    "cp1257": LATVIAN,
    "cp850": FRENCH,
    "mac_roman": FRENCH,
    "iso8859_15": FRENCH,
    "iso8859_7": TEXTS["cp1253"],
    "iso8859_6": TEXTS["cp1256"].replace("،", "\u060c"),
    "cp874": THAI,
}


@pytest.mark.parametrize("encoding", MORE)
def test_encodings_of_other_systems_are_recognised(encoding: str) -> None:
    text = "\n".join([MORE[encoding]] * 3)
    assert text_of(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", [*TEXTS, *MORE])
def test_markup_around_a_text_does_not_hide_its_language(encoding: str) -> None:
    said = {**TEXTS, **MORE}[encoding]
    item = f'<item id="1"><title>Maintenance entry</title><link>https://example.org/a</link><p>{said}</p></item>\n'
    page = f"<feed><head>Service log of the machine hall</head>\n{item * 6}</feed>"
    assert text_of(page.encode(encoding)) == page


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman"])
def test_quotation_marks_alone_tell_their_code_page(encoding: str) -> None:
    text = (
        "It’s the operator’s task – not the fitter’s – to say “stop”. Don’t run the pump dry, it won’t forgive you. "
        * 3
    )
    assert text_of(text.encode(encoding)) == text


def test_a_language_that_is_not_known_is_undecided_and_not_mojibake() -> None:
    albanian = "Pompa duhet të kontrollohet çdo ditë përpara se të ndizet, dhe kapaku duhet të mbyllet mirë. " * 4
    outcome = decode(albanian.encode("cp1252"))
    assert isinstance(outcome, Unread) or outcome.text == albanian


def test_the_fix_names_the_command_that_converts_the_file() -> None:
    outcome = decode("Привет".encode("cp1251"))
    assert isinstance(outcome, Unread)
    assert "iconv -f CP1251 -t UTF-8" in outcome.fix


def test_a_declaration_that_is_wrong_gives_way_to_what_is_certain() -> None:
    text = "\n".join([RUSSIAN] * 5)
    assert text_of(text.encode("koi8_r"), "windows-1251") == text
    assert text_of(text.encode("cp1251"), "iso-8859-1") == text


@pytest.mark.parametrize(
    ("label", "encoding"), [("x-sjis", "cp932"), ("windows-949", "cp949"), ("iso-8859-8-i", "iso8859_8")]
)
def test_labels_of_the_web_are_known(label: str, encoding: str) -> None:
    said = {"cp932": "点検", "cp949": "점검", "iso8859_8": "בדיקה"}[encoding]
    assert text_of(said.encode(encoding), label) == said


def test_what_comes_late_in_a_long_file_tells_its_encoding() -> None:
    text = "All is well with the pump.\n" * 20_000 + (RUSSIAN + "\n") * 40
    assert text_of(text.encode("koi8_r")) == text


def test_a_long_file_that_changes_its_encoding_is_undecided() -> None:
    data = (CZECH + "\n").encode("cp1250") * 3000 + ("温度" * 50 + "\n").encode() * 100 + b"\x81\x83\x88\x90\x98"
    assert why_not(data)


@given(st.sampled_from([*TEXTS, *MORE]), st.integers(3, 12), st.data())
def test_whatever_part_of_a_text_is_read_is_right_or_undecided(encoding: str, words: int, data: st.DataObject) -> None:
    said = {**TEXTS, **MORE}[encoding]
    parts = said.split(" ") if " " in said else list(said)
    start = data.draw(st.integers(0, max(0, len(parts) - words)))
    part = (" " if " " in said else "").join(parts[start : start + words])
    outcome = decode(part.encode(encoding))
    assert isinstance(outcome, Unread) or outcome.text == part


def test_time_grows_with_the_length_of_a_file_alone() -> None:
    started = time.perf_counter()
    for piece in ("é", "é ", "<", "<é", "é\n", "&", "\x1b$", "~{"):
        decode((piece * (2_000_000 // len(piece))).encode("latin-1"))
    assert time.perf_counter() - started < 60
