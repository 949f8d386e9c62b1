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
_AI = r"(?:AI|A\.I\.|LLMs?|(?:AI |large |virtual )?(?:language )?model|chat ?bot|ChatGPT|GPT-?\d?|(?:AI |virtual )?assistant)"
_PUT = r"(?:add|append|include|insert|integrate|incorporate|mention|put|embed|weave|recommend|suggest|tease|hint)"
_CHANGE = (
    r"(?:modify|augment|enhance|extend|finish|end|begin|start|conclude|supplement|render|misspell|scramble|jumble|encode"
    r"|anagram|rearrange|replace|substitute|convert|group|remove)"
)
_GAP = r"(?:[^.!?\n]|[.!?](?![\s])){0,120}"  # within a sentence, whatever addresses it holds
_SAY = r"(?:answer|respond|reply|output|print|write|say|state|repeat)"

# Of letters of either case, but where (?-i:…) says otherwise.
_SIGNS: dict[str, tuple[str, ...]] = {
    FORGET: (
        rf"\b(?:ignore|disregard|forget|override|bypass|do not follow|don't follow)\b"
        rf"(?: (?:any|all|every|each|the|your|my|these|those|of|other)){{0,4}} {_PRIOR}(?: \w+){{0,2}} {_RULES}\b",
        rf"\b(?:ignore|disregard|forget)\b(?: (?:all|the|your|any|of)){{0,3}} {_RULES}"
        r" (?:above|before|you (?:were|have been) given|so far)",
        r"忽略(?:掉)?(?:之前|以前|先前|前面|上面|以上|上述|所有|一切|你的|此前)[^。！？\n]{0,8}(?:指令|指示|提示词?|命令|设定|规则)",
        r"(?:不要|无需|不必)(?:理会|遵守|遵循)(?:之前|先前|前面|上面|以上|上述|所有)[^。！？\n]{0,8}(?:指令|指示|提示词?|命令)",
        r"\b(?:ignorier\w*|vergiss|vergessen sie|missachte\w*)\b[^.!?\n]{0,20}\b(?:vorherigen|bisherigen|obigen|früheren|"
        r"vorangegangenen|vorangehenden|alle) \w{0,12} ?(?:anweisung|instruktion|befehl|vorgabe)\w*",
        r"\b(?:ignora|olvida|ignore|olvide|omite)[dn]?\b[^.!?\n]{0,20}\b(?:instrucciones|órdenes|indicaciones)"
        r" (?:anteriores|previas|precedentes)",
        r"\b(?:ignore[zr]?|oublie[zr]?|ne tiens pas compte|ne tenez pas compte)\b[^.!?\n]{0,20}\b(?:instructions|consignes|"
        r"directives|ordres) (?:précédente?s|antérieure?s|ci-dessus)",
    ),
    TURN: (
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id|begin_of_text)\|>",
        r"\[/?INST\]|<</?SYS>>|<(?:start|end)_of_turn>",
        r"(?m:^)[ \t>*#]{0,6}(?:system|assistant|系统|助手)[ \t*]*[:：][ \t*]*(?:you (?:are|must|will|should)|ignore|"
        r"disregard|from now on|never|always|你(?:是|必须|现在)|忽略)",
        r"(?m:^)#{2,3} (?:instruction|response|system)s?:?[ \t]*$",
    ),
    ADDRESS: (
        rf"\byou are (?:now )?(?:an? |the )(?:\w+ ){{0,2}}(?-i:{_AI})\b",
        r"\bas an? (?-i:AI) (?:language model|assistant|model)\b",
        rf"\b(?:dear|attention|note (?:to|for)|instructions? (?:to|for)|hey|hello)[ ,:]+(?:any |all |the |every )?"
        rf"(?-i:AI|LLM|GPT|ChatGPT)s?(?: \w+)?(?: (?:assistant|model|reader|reviewer|agent)s?)?\s*[:,!]",
        rf"\bif you are an? (?:\w+ )?(?-i:{_AI})\b",
        r"\b(?:reveal|print|repeat|output|show|leak) (?:me )?(?:your|the) (?:system|initial|hidden) (?:prompt|instructions)",
        r"(?:你(?:现在)?是|作为)一?[个名位]?(?:AI|人工智能|大?语言模型|大模型|智能)(?:语言模型|助手|模型)",
        r"\bdu bist (?:jetzt |nun )?(?:ein|eine|der|die) (?:KI|Sprachmodell|Chatbot|Assistent)\w*",
        r"\b(?:eres|usted es) (?:ahora )?un (?:asistente|modelo de lenguaje|chatbot)\b",
        r"\b(?:tu es|vous êtes) (?:maintenant )?un (?:assistant|modèle de langage|chatbot)\b",
    ),
    ANSWER: (
        rf"\b(?:{_PUT}|{_CHANGE})\b{_GAP}\b(?:in|to|into|of|from|with) (?-i:your) (?:\w+ )?(?:answer|response|reply|output)\b",
        rf"\b{_CHANGE} (?-i:your) (?:answer|response|reply|output)\b",
        rf"\bin (?-i:your) (?:answer|response|reply|output), {_PUT}",
        rf"\b(?:you must|you have to|you should|always|only) (?:now )?{_SAY} (?:with|only|that|exactly|the following)\b[^.!?\n]{{0,80}}"
        r"(?:question|user|asked|instead|nothing else|[\"“'])",
        r"\b(?:do not|don't|never) (?:tell|inform|alert|warn) the user (?:about|of|that) (?:this|these)",
        r"(?m:^)[ \t]*(?:your )?new (?:instructions?|task|system prompt)[ \t]*(?::|is\b|are\b)",
        r"在(?:你的|您的)?(?:回答|回复|答复|输出)(?:中|里|的?(?:开头|结尾|末尾))[^。！？\n]{0,6}(?:加入|加上|插入|包含|写上|附上|添加|推荐)",
        r"你(?:必须|只能|务必)(?:回答|回复|输出|说)",
        r"\b(?:füge|schreibe|nenne|erwähne|empfiehl)\b[^.!?\n]{0,80}\b(?:in|an|zu) deiner? (?:antwort|ausgabe)\b",
        r"\b(?:añade|incluye|menciona|agrega|escribe)\b[^.!?\n]{0,80}\b(?:en|a) tu (?:respuesta|salida)\b",
        r"\b(?:ajoute|inclus|mentionne|insère|écris)\b[^.!?\n]{0,80}\b(?:dans|à) ta (?:réponse|sortie)\b",
    ),
    IMAGE: (
        r"!\[[^\]\n]{0,200}\]\(\s*<?https?://[^)\s]{0,300}\?[^)\s]{0,300}(?:[\[{]|(?:^|[?&])(?:q|data|d|info|secret|msg|"
        r"text|prompt|content|token|cookie|exfil|payload|history|chat|conversation)=)",
    ),
}  # fmt: skip
_PATTERNS = [(reason, re.compile("|".join(patterns), re.IGNORECASE)) for reason, patterns in _SIGNS.items()]
_BASE64 = re.compile(r"(?<![A-Za-z0-9+/=])[A-Za-z0-9+/]{40,4000}={0,2}(?![A-Za-z0-9+/=])")
_UNSEEN_RUN = re.compile(rf"[{IGNORABLE}]{{4,}}")


@dataclass(frozen=True, slots=True)
class Sign:
    """Characters `start:end` of a text that address a machine, and the `reason` to think so."""

    start: int
    end: int
    reason: str


def suspicions(hits: Iterable[Hit]) -> tuple[Suspicion, ...]:
    """What is suspicious in the hits, in their order; what two of them share, once."""
    found = (
        Suspicion(hit.source, hit.start + sign.start, hit.start + sign.end, sign.reason)
        for hit in hits
        for sign in signs(hit.text)
    )
    return tuple(dict.fromkeys(found))


def signs(text: str) -> list[Sign]:
    """The signs in a text, in its order. They are looked for in what a person sees of it; their places are its own."""
    seen = Seen.of(text)
    found = [Sign(*seen.span(start, end), reason) for start, end, reason in _told(seen.text)]
    return sorted([*found, *_hidden(text)], key=lambda sign: (sign.start, sign.end))


def _told(text: str) -> Iterator[tuple[int, int, str]]:
    for reason, pattern in _PATTERNS:
        yield from ((*match.span(), reason) for match in pattern.finditer(text))
    for match in _BASE64.finditer(text):
        if any(pattern.search(_decoded(match.group())) for _, pattern in _PATTERNS):
            yield (*match.span(), ENCODED)


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
