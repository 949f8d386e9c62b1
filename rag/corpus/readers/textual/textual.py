"""The formats that are text, by suffix and by name; and which suffixes are certainly none."""

from __future__ import annotations

import mimetypes

from rag.corpus.readers.plain import MAX_BYTES, PLAIN, SECRET
from rag.corpus.readers.reader import Reader
from rag.corpus.readers.textual.delimited import parse_delimited
from rag.corpus.readers.textual.folded import parse_folded
from rag.corpus.readers.textual.marked import parse_asciidoc, parse_ini, parse_latex, parse_org, parse_rst, parse_yaml
from rag.corpus.readers.textual.notebook import parse_notebook
from rag.corpus.readers.textual.records import parse_json, parse_json_lines
from rag.corpus.readers.textual.source import LOCKS, parse_source
from rag.corpus.readers.textual.subtitles import parse_subtitles

LARGEST_DATA = 128 * 2**20
"""Bytes of the largest table or file of records that is read."""

RST = Reader("rst", "1", parse_rst, MAX_BYTES)
ORG = Reader("org", "2", parse_org, MAX_BYTES)
ASCIIDOC = Reader("asciidoc", "2", parse_asciidoc, MAX_BYTES)
LATEX = Reader("latex", "2", parse_latex, MAX_BYTES)
YAML = Reader("yaml", "1", parse_yaml, LARGEST_DATA)
INI = Reader("ini", "1", parse_ini, LARGEST_DATA)
DELIMITED = Reader("delimited", "2", parse_delimited, LARGEST_DATA)
FOLDED = Reader("folded", "1", parse_folded)
JSON = Reader("json", "1", parse_json, LARGEST_DATA)
JSON_LINES = Reader("jsonl", "2", parse_json_lines, LARGEST_DATA)
NOTEBOOK = Reader("notebook", "1", parse_notebook)
SUBTITLES = Reader("subtitles", "2", parse_subtitles)
SOURCE = Reader("source", "1", parse_source)

_SOURCE = (
    ".py .pyi .pyx .js .mjs .cjs .jsx .ts .mts .cts .tsx .vue .svelte .java .kt .kts .groovy .gradle .scala .sbt "
    ".clj .cljs .c .h .cc .cpp .cxx .hpp .hh .hxx .cu .cuh .m .mm .cs .fs .fsx .vb .go .rs .swift .dart .zig .nim "
    ".d .rb .php .pl .pm .lua .r .jl .ex .exs .erl .hrl .hs .lhs .elm .ml .mli .f .f90 .f95 .for .pas .ada .adb "
    ".ads .cob .cbl .asm .s .v .sv .vhd .vhdl .sh .bash .zsh .fish .ksh .bat .cmd .ps1 .psm1 .psd1 .awk .tcl .sql "
    ".psql .ddl .plsql .css .scss .sass .less .proto .thrift .graphql .gql .tf .tfvars .hcl .bicep .dockerfile "
    ".mk .cmake .bzl .bazel .sol .vy .xsl .xslt .xsd .wsdl .j2 .jinja .jinja2 .tmpl .erb .ejs .hbs .mustache "
    ".lisp .el .scm .rkt .vim .nix .ps .wat .glsl .hlsl .wgsl .cl"
)

TEXTUAL: dict[str, Reader] = {
    **dict.fromkeys((".rst", ".rest", ".rst.txt"), RST),
    **dict.fromkeys((".adoc", ".asciidoc", ".asc"), ASCIIDOC),
    **dict.fromkeys((".tex", ".latex", ".ltx"), LATEX),
    **dict.fromkeys((".yaml", ".yml"), YAML),
    **dict.fromkeys((".toml", ".ini", ".cfg", ".conf", ".properties", ".editorconfig", ".desktop", ".service"), INI),
    **dict.fromkeys((".csv", ".tsv", ".tab"), DELIMITED),
    **dict.fromkeys((".json", ".json5", ".jsonc", ".geojson", ".webmanifest"), JSON),
    **dict.fromkeys((".jsonl", ".ndjson"), JSON_LINES),
    **dict.fromkeys((".srt", ".vtt"), SUBTITLES),
    **dict.fromkeys((".ics", ".vcs", ".vcf"), FOLDED),
    **dict.fromkeys((".nfo", ".me", ".1st", ".bib", ".diff", ".patch", ".po", ".pot"), PLAIN),
    **dict.fromkeys(_SOURCE.split(), SOURCE),
    ".org": ORG,
    ".ipynb": NOTEBOOK,
}

LEFT_OUT: dict[str, Reader] = {
    **dict.fromkeys((".env", ".pem", ".p12", ".pfx", ".jks", ".keystore", ".kdbx"), SECRET),
    ".map": SOURCE,
}
"""Suffixes of files that hold passwords and keys, or nothing that a person wrote: their readers skip them."""

NAMES: dict[str, Reader] = {
    **dict.fromkeys(LOCKS, SOURCE),
    **dict.fromkeys(
        ("dockerfile", "containerfile", "makefile", "gnumakefile", "cmakelists.txt", "jenkinsfile"), SOURCE
    ),
    **dict.fromkeys(("vagrantfile", "rakefile", "gemfile", "procfile", "justfile", "build", "workspace"), SOURCE),
    **dict.fromkeys(("pipfile",), INI),
}

_TYPES = mimetypes.MimeTypes(filenames=())
_TEXT_TYPES = ("text", "message")
_BINARY = (
    ".7z .rar .zst .lz4 .bz2 .xz .br .cab .iso .dmg .img .vmdk .parquet .feather .arrow .orc .avro .pkl .pickle "
    ".npy .npz .h5 .hdf5 .mat .pt .pth .ckpt .safetensors .gguf .onnx .pb .tflite .model .dat .db .sqlite "
    ".sqlite3 .mdb .accdb .idx .pack .ttf .otf .woff .woff2 .eot .psd .ai .sketch .fig .blend .fbx .stl .dwg "
    ".class .jar .war .ear .wasm .pyc .pyd .whl .egg .lib .obj .msi .apk .ipa .deb .rpm .mkv .flac .ogg .opus "
    ".heic .avif .raw .cr2 .nef .dng .swp .lock .pcap .dmp"
)
_OTHERS = frozenset(_BINARY.split())


def is_binary(suffix: str) -> bool:
    """Whether a file of that suffix is known not to be text, so that nobody need look into it."""
    kind, packed = _TYPES.guess_type(f"a{suffix}", strict=False)
    return bool(packed) or suffix in _OTHERS or (kind is not None and kind.partition("/")[0] not in _TEXT_TYPES)
