"""Text that addresses a machine and not a reader: what it is told by, and where it stands.

A help to a person who judges an answer, no wall: orders can be put in words that nobody listed. The patterns are those
that no manual, paper or letter needs; benchmarks/injection.py prints how many passages of real corpora they flag.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from rag.datatypes import Hit, Suspicion
from rag.text.context import ARROW
from rag.text.invisible import IGNORABLE, Seen, unseen

FORGET = "asks to forget instructions"
TURN = "imitates a turn of a conversation with a model"
ADDRESS = "addresses a language model"
ANSWER = "gives orders for the answer"
IMAGE = "an image whose address carries data away"
ENCODED = "orders in base64"
UNSEEN = "a run of characters that nobody sees"

_PRIOR = r"(?:previous|prior|above|earlier|preceding|foregoing|former|existing|initial|original|system|all)"
_RULES = r"(?:instructions?|prompts?|directives?|commands|guidelines|rules|system message|context)"
_AI = (
    r"(?-i:(?:AI|large|virtual) (?:language )?model|language model|AI|LLM|GPT|ChatGPT|chat ?bot"
    r"|(?:AI |virtual )?assistant)"
)
_PUT = r"(?:add|append|include|insert|integrate|incorporate|mention|put|embed|weave|recommend|suggest|tease|hint)"
_CHANGE = (
    r"(?:modify|augment|enhance|extend|finish|end|begin|start|conclude|supplement|render|misspell|scramble|jumble|encode"
    r"|anagram|rearrange|replace|substitute|convert|group|remove)"
)
_SAY = r"(?:answer|respond|reply|output|print|write|say|state|repeat)"
_YOURS = r"(?-i:your) (?:\w+ )?(?:answer|response|reply|output)\b"
_GAP = r"(?:[^.!?\n]|[.!?](?!\s)){0,120}"  # within a sentence, whatever addresses it holds
_BEFORE_ZH = r"(?:之前|以前|先前|前面|上面|以上|上述|所有|一切|你的|此前)"

# What it tells; words of which one must be there, in small letters, for the pattern to be tried; the pattern.
_SIGNS: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        FORGET,
        ("ignore", "disregard", "forget", "override", "bypass"),
        r"\b(?:ignore|disregard|forget|override|bypass)(?: (?:any|all|every|each|the|your|my|these|of|other)){0,4}"
        rf" (?:{_PRIOR}(?: \w+){{0,2}} {_RULES}|{_RULES} (?:above|before|so far|you (?:were|have been) given))\b",
    ),
    (FORGET, ("忽略",), rf"忽略掉?{_BEFORE_ZH}[^。！？\n]{{0,8}}(?:指令|指示|提示词?|命令|设定|规则)"),
    (
        FORGET,
        ("理会", "遵守", "遵循"),
        rf"(?:不要|无需|不必)(?:理会|遵守|遵循){_BEFORE_ZH}[^。！？\n]{{0,8}}(?:指令|指示|提示词?|命令)",
    ),
    (
        FORGET,
        ("ignorier", "vergiss", "vergessen", "missacht"),
        r"\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*) [^.!?\n]{0,20}\b(?:vorherigen|bisherigen|obigen|früheren"
        r"|vorangegangenen|vorangehenden|alle)\b[^.!?\n]{0,12}\b(?:anweisung|instruktion|befehl|vorgabe)\w*",
    ),
    (
        FORGET,
        ("instrucciones", "órdenes", "indicaciones"),
        r"\b(?:ignor[ae]|olvid[ae]|omit[ae])\b[^.!?\n]{0,20}\b(?:instrucciones|órdenes|indicaciones)"
        r" (?:anteriores|previas)",
    ),
    (
        FORGET,
        ("instructions", "consignes", "directives", "ordres"),
        r"\b(?:ignore[zr]?|oublie[zr]?|compte)\b[^.!?\n]{0,20}\b(?:instructions|consignes|directives|ordres)"
        r" (?:précédente?s|antérieure?s|ci-dessus)",
    ),
    (
        TURN,
        ("<|", "inst]", "sys>>", "_of_turn"),
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text)\|>"
        r"|\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>",
    ),
    (
        TURN,
        ("system", "assistant", "系统", "助手"),
        r"^[ \t>*#]{0,6}(?:system|assistant|系统|助手)[ \t*]*[:：][ \t*]*(?:you (?:are|must|will|should)|ignore"
        r"|disregard|from now on|never|always|你(?:是|必须|现在)|忽略)",
    ),
    (TURN, ("## ", "### "), r"^#{2,3} (?:instruction|response|system)s?:[ \t]*$"),
    (ADDRESS, ("you are",), rf"\b(?:if )?you are (?:now )?(?:an? |the )(?:\w+ ){{0,2}}{_AI}\b"),
    (ADDRESS, ("as an ai",), r"\bas an (?-i:AI) (?:language model|assistant|model)\b"),
    (
        ADDRESS,
        ("dear", "attention", "note", "instruction", "hey", "hello"),
        r"\b(?:dear|attention|notes? (?:to|for)|instructions? (?:to|for)|hey|hello)[ ,:]+(?:any |all |the |every )?"
        r"(?-i:AI|LLM|GPT|ChatGPT)s?(?: language)?(?: (?:assistant|model|reader|reviewer|agent)s?)?\s*[:,!]",
    ),
    (
        ADDRESS,
        ("prompt", "instructions"),
        r"\b(?:reveal|print|repeat|output|show|leak) (?:me )?(?:your|the) (?:system|initial|hidden)"
        r" (?:prompt|instructions)",
    ),
    (ADDRESS, ("你",), r"你(?:现在)?是一?[个名位]?(?:AI|人工智能|大?语言模型|大模型|智能)(?:语言模型|助手|模型)"),
    (ADDRESS, ("作为",), r"作为一?[个名位]?(?:AI|人工智能|大?语言模型|大模型|智能)(?:语言模型|助手)"),
    (ADDRESS, ("du bist",), r"\bdu bist (?:jetzt |nun )?(?:ein|eine|der|die) (?:KI|Sprachmodell|Chatbot|Assistent)\w*"),
    (ADDRESS, ("eres",), r"\beres (?:ahora )?un (?:asistente|modelo de lenguaje|chatbot)\b"),
    (
        ADDRESS,
        ("tu es", "vous êtes"),
        r"\b(?:tu es|vous êtes) (?:maintenant )?un (?:assistant|modèle de langage|chatbot)\b",
    ),
    (
        ANSWER,
        ("your",),
        rf"\b(?:{_PUT}|{_CHANGE})\b{_GAP}\b(?:in|to|into|of|from|with) {_YOURS}"
        rf"|\b{_CHANGE} {_YOURS}|\bin {_YOURS}, {_PUT}",
    ),
    (
        ANSWER,
        ("you must", "you have to", "you should", "always", "only"),
        rf"\b(?:you must|you have to|you should|always|only) (?:now )?{_SAY} (?:with|only|that|exactly|the following)\b"
        r"[^.!?\n]{0,80}(?:question|user|asked|instead|nothing else|[\"“'])",
    ),
    (
        ANSWER,
        ("the user",),
        r"\b(?:do not|don't|never) (?:tell|inform|alert|warn) the user (?:about|of|that) (?:this|these)",
    ),
    (ANSWER, ("new ",), r"^[ \t]*(?:your )?new (?:instructions?|task|system prompt)[ \t]*(?::|is\b|are\b)"),
    (
        ANSWER,
        ("在",),
        r"在(?:你的|您的)?(?:回答|回复|答复|输出)(?:中|里|的?(?:开头|结尾|末尾))[^。！？\n]{0,6}"
        r"(?:加入|加上|插入|包含|写上|附上|添加|推荐)",
    ),
    (ANSWER, ("你",), r"你(?:必须|只能|务必)(?:回答|回复|输出|说)"),
    (
        ANSWER,
        ("deine",),
        rf"\b(?:füge|schreibe|nenne|erwähne|empfiehl)\b{_GAP}\b(?:in|an|zu) deiner? (?:antwort|ausgabe)\b",
    ),
    (ANSWER, (" tu ",), rf"\b(?:añade|incluye|menciona|agrega|escribe)\b{_GAP}\b(?:en|a) tu (?:respuesta|salida)\b"),
    (ANSWER, (" ta ",), rf"\b(?:ajoute|inclus|mentionne|insère|écris)\b{_GAP}\b(?:dans|à) ta (?:réponse|sortie)\b"),
    (
        IMAGE,
        ("](",),
        r"!\[[^\]\n]{0,200}\]\(\s*<?https?://[^)\s]{0,300}\?(?:[^)\s]{0,300}[\[{]|[^)\s&]{0,99}&)?"
        r"(?:(?:q|data|d|info|secret|msg|text|prompt|content|token|cookie|exfil|payload|history|chat|conversation)=|(?<=[\[{]))",
    ),
)
_PATTERNS = tuple((why, words, re.compile(pattern, re.IGNORECASE | re.MULTILINE)) for why, words, pattern in _SIGNS)
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40,4000}={0,2}(?![A-Za-z0-9+/=])")
_GAPS = re.compile(r"[^\S\n]*\n[^\S\n]*(?!\s)|[^\S\n]{2,}|[\u00a0\u2000-\u200a\u202f\u205f\u3000\t]")
_UNSEEN_RUN = re.compile(rf"[{IGNORABLE}]{{4,}}")


@dataclass(frozen=True, slots=True)
class Sign:
    """Characters `start:end` of a text that address a machine, and the `reason` to think so."""

    start: int
    end: int
    reason: str


def suspicions(hits: Iterable[Hit]) -> tuple[Suspicion, ...]:
    """What is suspicious in the hits, in their order; what two of them share, once.

    Where it is in the headings above a hit, or in the header of its table, the whole hit is named.
    """
    return tuple(dict.fromkeys(suspicion for hit in hits for suspicion in _of(hit)))


def _of(hit: Hit) -> Iterator[Suspicion]:
    for sign in signs(hit.text):
        yield Suspicion(hit.source, hit.start + sign.start, hit.start + sign.end, sign.reason)
    for above in (ARROW.join(hit.chunk.heading), hit.chunk.table_header):
        yield from (Suspicion(hit.source, hit.start, hit.end, sign.reason) for sign in signs(above))


def signs(text: str) -> list[Sign]:
    """The signs in a text, in its order. They are looked for in what a person sees of it; their places are its own."""
    seen = Seen.of(text)
    found = [Sign(*seen.span(start, end), reason) for start, end, reason in _told(seen.text)]
    return sorted(dict.fromkeys([*found, *_hidden(text)]), key=lambda sign: (sign.start, sign.end))


def _told(text: str) -> Iterator[tuple[int, int, str]]:
    """What the words say, as lines and run on from line to line, then what base64 in it says."""
    yield from _spoken(text)
    if _GAPS.search(text):
        run_on = _run_on(text)
        yield from ((*run_on.span(start, end), reason) for start, end, reason in _spoken(run_on.text))
    for match in _BASE64.finditer(text):
        if any(_spoken(_decoded(match.group()))):
            yield (*match.span(), ENCODED)


def _run_on(text: str) -> Seen:
    """The text with one space for each line break within a paragraph and for each run of spaces."""
    pieces, places, at = list[str](), list[int](), 0
    for gap in _GAPS.finditer(text):
        pieces += (text[at : gap.start()], " ")
        places += range(at, gap.start() + 1)
        at = gap.end()
    return Seen("".join([*pieces, text[at:]]), (*places, *range(at, len(text))))


def _spoken(text: str) -> Iterator[tuple[int, int, str]]:
    small = text.lower()
    for reason, words, pattern in _PATTERNS:
        if any(word in small for word in words):
            yield from ((*match.span(), reason) for match in pattern.finditer(text))


def _decoded(blob: str) -> str:
    """What a base64 text says; "" where it is none."""
    try:
        return base64.b64decode(blob + "=" * (-len(blob) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _hidden(text: str) -> Iterator[Sign]:
    """Runs of characters that nobody sees, as messages are written in them."""
    gone = set(unseen(text))
    for run in _UNSEEN_RUN.finditer(text) if gone else ():
        if gone.issuperset(range(*run.span())):
            yield Sign(*run.span(), UNSEEN)
