"""What the control words of RTF mean: code pages, characters, and which groups hold text."""

from __future__ import annotations

import re

TOKEN = re.compile(
    rb"\\([A-Za-z]{1,32})(-?[0-9]{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^A-Za-z])|([{}])"
    rb"|([^\\{}\r\n]+)|[\r\n]+|\\",
    re.DOTALL,
)
"""One token: a word with its number, a byte, a symbol, a brace, text, or a line end, which means nothing."""

CHARSETS = {
    **{77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gb18030", 136: "big5hkscs"},
    **{161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257"},
    **{204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850"},
}
"""The encoding of a font by its character set; others are in that of the file."""
SYMBOL = 2
CODE_PAGES = {
    **{437: "cp437", 708: "iso8859_6", 850: "cp850", 852: "cp852", 860: "cp860", 862: "cp862", 863: "cp863"},
    **{864: "cp864", 865: "cp865", 866: "cp866", 874: "cp874", 932: "cp932", 936: "gb18030", 949: "cp949"},
    **{950: "big5hkscs", 1361: "johab", 10000: "mac_roman", 10007: "mac_cyrillic", 65001: "utf-8"},
    **{number: f"cp{number}" for number in range(1250, 1259)},
}
ANSI = "cp1252"

CHARACTERS = {
    **{"tab": "\t", "line": "\n", "lbr": "\n", "emdash": "—", "endash": "–", "bullet": "•"},
    **{"lquote": "‘", "rquote": "’"},
    **{"ldblquote": "“", "rdblquote": "”", "emspace": " ", "enspace": " ", "qmspace": " ", "zwj": "\u200d"},
    **{"zwnj": "\u200c", "softline": "\n", "nestcell": " ", "nestrow": "\n"},
}
SYMBOLS = {"~": "\u00a0", "_": "\u2011", "\\": "\\", "{": "{", "}": "}", "\t": "\t"}

PROPERTIES = ("title", "author", "subject", "keywords", "category")
STARRED = {"shpinst", "annotation", "atnauthor", "moveto", "shppict", "dptxbxtext"}
"""Groups behind `\\*` that hold text all the same."""
APART = {
    **dict.fromkeys(("footnote", "annotation", "atnauthor", "shptxt", "dptxbxtext", "listtext", "pntext"), ""),
    **dict.fromkeys(PROPERTIES, ""),
    **dict.fromkeys(("header", "headerl", "headerr", "headerf"), "header"),
    **dict.fromkeys(("footer", "footerl", "footerr", "footerf"), "footer"),
}
"""Groups whose text stands elsewhere than where it is written, with the name under which it is kept ("": its own)."""
UNREAD = frozenset(
    re.findall(
        r"\w+",
        "colortbl filetbl revtbl listtable listoverridetable rsidtbl generator pict objdata objclass objname "
        "fldinst datafield themedata colorschememapping latentstyles datastore xmlnstbl mmathPr bkmkstart "
        "bkmkend atnid atnref atndate atntime atnicn atnparent sp nonshppict shprslt xe tc tcn txe rxe "
        "private template comment operator company doccomm manager hlinkbase nonesttables pgdsctbl userprops "
        "docvar ftnsep ftnsepc ftncn aftnsep aftnsepc aftncn pnseclvl pntxta pntxtb mhtmltag htmltag "
        "formfield panose falt ffdeftext ffl ffname nextfile passwordhash protusertbl movefrom",
    )
)
"""Groups that hold no text of the document."""
