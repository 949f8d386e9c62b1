"""Archives: their members, their names, and what is not unpacked."""

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.corpus.readers import READERS, Aid, Content, Member, Unread, reader_for
from rag.corpus.readers.archives import inflate, tarred, zipped
from rag.corpus.readers.archives.member_names import Names
from rag.datatypes import State
from tests.corpus.locked import locked_zip

FILES = {"notes/a.txt": b"hello", "notes/deep/b.md": b"# B\n" * 1000, "empty": b"", "中文é.txt": b"x"}


def members(data: bytes, path: str) -> list[Member]:
    reader = reader_for(path)
    assert reader
    content = reader.parse(data, path)
    assert isinstance(content, Content), content
    assert content.text == ""
    return list(content.members)


def refused(data: bytes, path: str) -> tuple[State, str]:
    reader = reader_for(path)
    assert reader
    outcome = reader.parse(data, path)
    assert isinstance(outcome, Unread), outcome
    return outcome.state, outcome.reason


def problems(found: list[Member]) -> dict[str, tuple[State, str]]:
    assert not any(member.data for member in found if member.problem)
    return {member.name: (member.problem.state, member.problem.reason) for member in found if member.problem}


def zip_of(files: Mapping[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return target.getvalue()


def tar_of(files: Mapping[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form, encoding="utf-8") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


# ---------------------------------------------------------------- what is read


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_each_file_in_a_zip_is_a_member_whatever_packs_it(method: int) -> None:
    assert members(zip_of({**FILES, "folder/": b""}, method), "a.zip") == [Member(*each) for each in FILES.items()]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_each_file_in_a_tar_is_a_member_whatever_packs_it(form: int, pack: type[bytes]) -> None:
    files = {**FILES, f"{'long/' * 20}{'name' * 20}": b"y" * 512}
    assert members(pack(tar_of(files, form)), "a.tar.gz") == [Member(*each) for each in files.items()]


@pytest.mark.parametrize(("suffix", "pack"), [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress)])
def test_a_single_packed_file_is_a_member_by_its_own_name(suffix: str, pack: type[bytes]) -> None:
    assert members(pack(b"hello"), f"logs/report.txt.{suffix}") == [Member("report.txt", b"hello")]
    assert members(pack(b"one") + pack(b"two"), f"report.txt.{suffix}") == [Member("report.txt", b"onetwo")]


def test_an_office_file_is_no_archive_though_it_is_a_zip() -> None:
    assert reader_for("report.docx") is READERS[".docx"]
    assert refused(zip_of({"word/x.xml": b"<x/>"}), "report.docx")[0] is State.FAILED


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.from_regex(r"[a-zé中]{1,8}(/[a-z]{1,8})?\.txt", fullmatch=True), st.binary(max_size=2000)))
def test_what_was_packed_comes_out(files: dict[str, bytes]) -> None:
    if files:
        expected = [Member(*each) for each in files.items()]
        assert members(zip_of(files), "a.zip") == expected
        assert members(gzip.compress(tar_of(files)), "a.tgz") == expected


@pytest.mark.parametrize(
    ("data", "path"), [(zip_of({}), "a.zip"), (zip_of({"folder/": b""}), "a.zip"), (tar_of({}), "a.tar")]
)
def test_an_archive_without_files_is_empty(data: bytes, path: str) -> None:
    assert refused(data, path) == (State.EMPTY, "the archive holds no files")


def test_a_member_is_unpacked_only_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    content = READERS[".zip"].parse(zip_of(FILES), "a.zip")
    assert isinstance(content, Content)
    waiting = iter(content.members)
    assert next(waiting).name == "notes/a.txt"
    monkeypatch.setattr(zipped, "unpacked", lambda *_: b"later")
    assert next(waiting).data == b"later"


# ---------------------------------------------------------------- names


def zip_named(*names: bytes, system: int = 0) -> bytes:
    """Files under names of these very bytes, as old programs write them."""
    stand_ins = {chr(ord("a") + number) * len(name): name for number, name in enumerate(names)}
    data = zip_of(dict.fromkeys(stand_ins, b"x"), zipfile.ZIP_STORED)
    for stand_in, name in stand_ins.items():
        data = data.replace(stand_in.encode(), name)
    at = data.index(b"PK\x01\x02") + 5
    return data[:at] + bytes([system]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("中文.txt", "gbk"),
        ("年度报告.docx", "gbk"),
        ("日本語.txt", "cp932"),
        ("資料一覧.xls", "cp932"),
        ("報告書.pdf", "big5"),
        ("한국어 문서.txt", "cp949"),
        ("Übersicht.txt", "cp437"),
        ("Привет мир.txt", "cp866"),
        ("Bücher/Maß.txt", "utf-8"),
    ],
)
def test_a_name_in_an_encoding_from_before_unicode_is_guessed(name: str, encoding: str) -> None:
    assert [member.name for member in members(zip_named(name.encode(encoding)), "a.zip")] == [name]


def test_all_names_together_tell_their_encoding() -> None:
    names = ["契約書", "見積もり一覧", "お知らせ", "報告", "会議の議事録"]
    found = members(zip_named(*(name.encode("cp932") for name in names)), "a.zip")
    assert [member.name for member in found] == names


def test_a_name_in_the_field_for_unicode_is_taken() -> None:
    raw = "中文.txt".encode("big5")
    info = zipfile.ZipInfo("b" * len(raw))
    field = b"\1" + struct.pack("<I", zlib.crc32(raw)) + "中文.txt".encode()
    info.extra = struct.pack("<HH", 0x7075, len(field)) + field
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(info, b"x")
    assert members(target.getvalue().replace(b"b" * len(raw), raw), "a.zip")[0].name == "中文.txt"


def test_names_of_a_tar_that_are_not_utf8_are_guessed() -> None:
    files = dict.fromkeys(["会议记录.txt", "合同文本.txt", "情况说明.txt"], b"x")
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT, encoding="gbk") as archive:
        for name in files:
            archive.addfile(tarfile.TarInfo(name))
    assert [member.name for member in members(target.getvalue(), "a.tar")] == list(files)


def test_hostile_names_are_handed_on_as_they_are() -> None:
    names = ["../../etc/passwd", "/etc/passwd", "C:/x.txt", "a\nb.txt", "con"]
    assert [member.name for member in members(tar_of(dict.fromkeys(names, b"")), "a.tar")] == names
    assert [member.name for member in members(zip_of(dict.fromkeys(names, b"")), "a.zip")] == names


def test_folders_that_windows_wrote_are_told_by_its_own_sign() -> None:
    assert members(zip_named(rb"docs\a.txt"), "a.zip")[0].name == "docs/a.txt"
    assert members(zip_named(rb"docs\a.txt", system=3), "a.zip")[0].name == r"docs\a.txt"


def test_a_repeated_name_is_told_apart() -> None:
    names = Names("utf-8")
    given = ["a/b.txt", "a/b.txt", "a/b.txt", "README", "README", "a/b (2).txt"]
    expected = ["a/b.txt", "a/b (2).txt", "a/b (3).txt", "README", "README (2)", "a/b (2) (2).txt"]
    assert [names.unique(name) for name in given] == expected


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=20), max_size=20))
def test_any_bytes_are_a_name_that_can_be_stored(raw: list[bytes]) -> None:
    names = Names("cp437")
    found = [names.unique(names.decoded(name)) for name in raw]
    assert all(name.encode() for name in found)
    assert len(set(found)) == len(found)


# ---------------------------------------------------------------- what is not unpacked


def test_an_encrypted_member_is_named() -> None:
    data = bytearray(zip_of({"open.txt": b"x", "secret.txt": b"y"}))
    for header, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.rindex(header) + flags] |= 1
    found = members(bytes(data), "a.zip")
    assert found[0] == Member("open.txt", b"x")
    assert problems(found) == {"secret.txt": (State.ENCRYPTED, "needs a password")}


def unlocked(data: bytes, *passwords: str) -> list[Member]:
    content = READERS[".zip"].parse(data, "a.zip", Aid(passwords))
    assert isinstance(content, Content), content
    return list(content.members)


def test_an_encrypted_member_opens_with_one_of_the_passwords() -> None:
    data = locked_zip(FILES | {"中文é.txt": b"x"}, "naïve")
    assert [member.data for member in unlocked(data, "wrong", "naïve")] == list(FILES.values())
    reasons = {member.problem.reason for member in unlocked(data, "wrong", "worse") if member.problem}
    assert reasons == {"none of the passwords given opens it"}


def test_a_wrong_password_that_the_format_takes_for_right_gives_nothing() -> None:
    """The format tells but 255 of 256."""
    data = locked_zip({"a.txt": b"hello " * 100}, "right")
    found = [member for number in range(1000) for member in unlocked(data, f"wrong{number}")]
    assert not any(member.data for member in found)
    (member,) = unlocked(data, *(f"wrong{number}" for number in range(1000)), "right")
    assert member.data == b"hello " * 100


def test_what_an_encrypted_member_unpacks_to_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "LARGEST", 1000)
    assert problems(unlocked(locked_zip({"a.txt": bytes(2000)}, "right"), "right"))["a.txt"][0] is State.TOO_LARGE


@pytest.mark.parametrize(("flags", "method"), [(0x41, 8), (0x1, 99), (0x1, zipfile.ZIP_BZIP2), (0x1, zipfile.ZIP_LZMA)])
def test_other_encryption_is_named_with_what_to_do(flags: int, method: int) -> None:
    data = bytearray(zip_of({"a.txt": b"x"}))
    for header, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        struct.pack_into("<HH", data, data.index(header) + at, flags, method)
    (member,) = unlocked(bytes(data), "right")
    assert member.problem == Unread(
        State.ENCRYPTED, "encrypted in a way that is not read, such as AES", "pack it without a password"
    )


def test_an_unknown_compression_is_named() -> None:
    data = bytearray(zip_of({"a.txt": b"x", "b.txt": b"y"}))
    for header, method in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        at = data.index(header) + method
        data[at : at + 2] = struct.pack("<H", 97)
    found = members(bytes(data), "a.zip")
    assert problems(found)["a.txt"][0] is State.UNSUPPORTED
    assert found[1].data == b"y"


def test_links_and_devices_are_not_followed() -> None:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"kind{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
    found = problems(members(target.getvalue(), "a.tar"))
    assert [state for state, _ in found.values()] == [State.SKIPPED] * 4
    assert [reason for _, reason in found.values()][:2] == ["a link, which is not followed"] * 2
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as packed:
        packed.writestr(link, "/etc/passwd")
    assert problems(members(target.getvalue(), "a.zip"))["link"][0] is State.SKIPPED


def test_a_sparse_file_is_named() -> None:
    info = tarfile.TarInfo("big.bin")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[386:410] = b"00000000000\0" + b"00000000000\0"
    header[483:495] = b"77777777777\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    assert problems(members(bytes(header) + bytes(1024), "a.tar"))["big.bin"][0] is State.UNSUPPORTED


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_bytes_are_counted_as_they_come_out(method: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "LARGEST", 2**20)
    data = bytearray(zip_of({"bomb.txt": bytes(2**24), "a.txt": b"x"}, method))
    for header, size in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):  # a header that claims ten bytes
        at = data.index(header) + size
        data[at : at + 4] = struct.pack("<I", 10)
    found = members(bytes(data), "a.zip")
    assert problems(found)["bomb.txt"][0] in (State.TOO_LARGE, State.FAILED)
    assert found[1].data == b"x"
    assert problems(members(zip_of({"bomb.txt": bytes(2**24)}, method), "a.zip"))["bomb.txt"][0] is State.TOO_LARGE


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_bomb_is_named(pack: type[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate, "LARGEST", 2**20)
    state, reason = problems(members(pack(bytes(2**24)), "a.txt.gz"))["a.txt"]
    assert (state, reason) == (State.TOO_LARGE, "unpacks to more than 1 MiB")
    found = members(pack(tar_of({"bomb": bytes(2**24), "a.txt": b"x"})), "a.tgz")
    assert problems(found)["bomb"][0] is State.TOO_LARGE
    assert found[1].data == b"x"


def test_all_that_comes_out_of_a_container_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inflate.Budget.__init__, "__defaults__", (3000,))
    files = {f"{number}.txt": bytes(1000) for number in range(9)}
    for data, path in ((zip_of(files), "a.zip"), (tar_of(files), "a.tar")):
        found = members(data, path)
        assert found[-1].name == ""
        assert problems(found)[""][0] is State.TOO_LARGE
        assert sum(len(member.data) for member in found) <= 3000


def test_entries_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zipped, "MOST_MEMBERS", 3)
    monkeypatch.setattr(tarred, "MOST_MEMBERS", 3)
    files = {f"{number}.txt": b"x" for number in range(5)}
    for data, path in ((zip_of(files), "a.zip"), (tar_of(files), "a.tar")):
        found = members(data, path)
        assert [member.name for member in found] == ["0.txt", "1.txt", "2.txt", ""]
        assert problems(found)[""][0] is State.TOO_LARGE
    many = {f"{number}.txt": b"x" for number in range(7)}
    assert refused(zip_of(many), "a.zip")[0] is State.TOO_LARGE


def test_entries_that_overlap_are_refused() -> None:
    data = bytearray(zip_of({"a.txt": b"x" * 100, "b.txt": b"y" * 100}, zipfile.ZIP_STORED))
    second = data.rindex(b"PK\x01\x02")
    data[second + 42 : second + 46] = struct.pack("<I", 0)  # both at the first one's place
    state, reason = refused(bytes(data), "a.zip")
    assert state is State.FAILED
    assert "overlap" in reason


def test_a_member_that_is_the_archive_itself_is_not_read() -> None:
    assert problems(members(gzip.compress(b"x"), "a.gz")) == {}
    archive = zip_of({"a.txt": b"x"})
    found = zipped.parse_zip(archive, "a.zip")
    assert isinstance(found, Content)
    whole = bytes(archive)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(zipped, "unpacked", lambda *_: whole)
        assert problems(list(found.members)) == {"a.txt": (State.SKIPPED, "is the archive itself")}


# ---------------------------------------------------------------- damage


@pytest.mark.parametrize("keep", [1, 100, 511, 512, 700, 2000])
def test_a_tar_that_is_cut_off_says_so(keep: int) -> None:
    data = tar_of({"a.txt": b"x" * 600, "b.txt": b"y" * 1000}, tarfile.GNU_FORMAT)
    reader = READERS[".tar"].parse(data[:keep], "a.tar")
    found = list(reader.members) if isinstance(reader, Content) else [Member("", problem=reader)]
    assert {state for state, _ in problems(found).values()} == {State.FAILED}


def test_a_tar_with_a_damaged_header_does_not_end_in_silence() -> None:
    data = bytearray(tar_of({"a.txt": b"x", "b.txt": b"y"}, tarfile.GNU_FORMAT))
    data[1024:1030] = b"damage"
    found = members(bytes(data), "a.tar")
    assert found[0].data == b"x"
    assert problems(found)[""] == (State.FAILED, "damaged TAR archive: no header at byte 1024")


@pytest.mark.parametrize("size", ["77777777777", "00000000013"])
def test_a_size_that_lies_gives_no_more_than_is_there(size: str) -> None:
    data = bytearray(tar_of({"a.txt": b"x" * 5}, tarfile.GNU_FORMAT)[:520])
    data[124:135] = size.encode()
    data[148:156] = b" " * 8
    data[148:156] = b"%06o\0 " % sum(data[:512])
    found = problems(members(bytes(data), "a.tar"))
    assert found["a.txt"][0] is State.FAILED


@pytest.mark.parametrize("payload", [b"9" * 20_000, b"0 path=x\n", b"30 path=" + b"x" * 22, b"\xff" * 500])
def test_hostile_attributes_end_soon(payload: bytes) -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, len(payload)
    data = info.tobuf(tarfile.USTAR_FORMAT) + payload.ljust(-(-len(payload) // 512) * 512, b"\0")
    outcome = READERS[".tar"].parse(data + tar_of({"a.txt": b"x"}), "a.tar")
    assert isinstance(outcome, Unread) or list(outcome.members)


def test_a_zip_that_is_cut_off_is_damaged() -> None:
    state, reason = refused(zip_of(FILES)[:-30], "a.zip")
    assert state is State.FAILED
    assert reason.startswith("damaged ZIP archive")


def test_a_damaged_member_leaves_the_others() -> None:
    data = bytearray(zip_of({"a.txt": b"x" * 100, "b.txt": b"y"}, zipfile.ZIP_STORED))
    data[60] ^= 1
    found = members(bytes(data), "a.zip")
    assert problems(found)["a.txt"][0] is State.FAILED
    assert found[1].data == b"y"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_a_packed_file_that_is_cut_off_is_damaged(pack: type[bytes]) -> None:
    assert problems(members(pack(b"hello" * 1000)[:-12], "a.txt.gz"))["a.txt"][0] is State.FAILED


def test_what_is_packed_in_no_known_way_is_damaged() -> None:
    assert refused(b"hello", "a.txt.gz")[0] is State.FAILED


@pytest.mark.parametrize("path", ["a.zip", "a.tar", "a.tgz", "a.tar.xz", "a.tar.bz2"])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_is_named_and_nothing_is_raised(path: str, data: st.DataObject) -> None:
    packs = {".zip": zip_of(FILES), ".tgz": gzip.compress(tar_of(FILES)), ".xz": lzma.compress(tar_of(FILES))}
    packs |= {".bz2": bz2.compress(tar_of(FILES)), ".tar": tar_of(FILES)}
    damaged = bytearray(packs[Path(path).suffix])
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    reader = reader_for(path)
    assert reader
    outcome = reader.parse(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), path)
    found = list(outcome.members) if isinstance(outcome, Content) else [Member("", problem=outcome)]
    assert all(member.problem is None or "\n" not in member.problem.reason for member in found)
