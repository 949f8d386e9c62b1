"""Questions that no few passages can answer: which documents mention something, how many do, list them all.

Sure or nothing. A question is taken for one only where it asks for documents (files, sources, passages) by what they
mention, and for nothing besides: «how many weeks of leave» is looked up like any other fact. Where it says more
(«documents of 2023», «but not», «and why»), it is left alone: words would answer another question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.text.terms import content_words

MOST_WORDS = 8
"""Content words of what is looked for (bigrams, in scripts without spaces); more are a question of their own."""


@dataclass(frozen=True, slots=True)
class Enumeration:
    """A question for all documents that have `wanted`, as it was typed; `language` is that of the question."""

    wanted: str
    language: str


def enumeration(question: str) -> Enumeration | None:
    """What the question wants all documents for; None where it is not surely such a question."""
    asked = " ".join(question.split()).strip(" ?？.。!！¿¡")
    for language, pattern in _PATTERNS.items():
        match = pattern.fullmatch(asked)
        if match:
            wanted = _TAIL.sub("", _ARTICLE.sub("", next(filter(None, match.groups())))).strip(" ,，:：、")
            more = _MORE[language].search(wanted) or _EITHER.search(wanted)
            told = wanted and len(content_words(wanted)) <= MOST_WORDS and not more
            return Enumeration(wanted, language) if told else None
    return None


_ARTICLE = re.compile(
    r"\A(?:(?:the|an?|any|der|die|das|den|dem|des|eine?[nmrs]?|les?|la|une?|du|des|del?|el|los|las|una?)\s+|l['’])",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"(?:[,，]?\s+(?:in total|altogether|at all|anywhere|please|insgesamt|überhaupt|irgendwo|bitte|au total|en tout"
    r"|quelque part|s['’]il (?:vous|te) pla[iî]t|en total|en alguna parte|por favor))+\Z",
    re.IGNORECASE,
)
"""What says nothing of what is looked for."""
_EN = "(?:documents|docs|files|texts|sources|passages)"
_EN_HAVE = (
    "(?:mention|contain|discuss|cite|name|cover|talk about|speak of|speak about|refer to|deal with|write about"
    "|say something about|say anything about)"
)
_DE = "(?:dokumenten?|dateien|texten?|quellen|unterlagen|textstellen)"
_DE_HAVE = "(?:erwähnen|nennen|enthalten|behandeln|beinhalten|sprechen von|sprechen über|handeln von)"
_FR = "(?:documents|fichiers|textes|sources|passages)"
_FR_HAVE = "(?:(?:mentionnent|contiennent|évoquent|citent|nomment) |(?:parlent|traitent) (?:de |du |des |d['’]))"
_ES = "(?:documentos|archivos|ficheros|textos|fuentes|pasajes)"
_ES_HAVE = "(?:mencionan|contienen|citan|nombran|hablan del?|hablan sobre|tratan del?|tratan sobre)"
_ZH = "(?:文档|文件|文章|文本|资料|段落)"
_ZH_HAVE = "(?:提到|提及|谈到|讲到|说到|写到|涉及到|涉及|包含|含有|出现)[了过]?"
_ZH_MANY = "(?:哪些|(?:多少|几)[个份篇段]?)"

_FORMS: dict[str, tuple[str, ...]] = {
    "en": (
        f"(?:which|what|how many)(?: of)?(?: the| my| our| these)? {_EN} {_EN_HAVE} (.+)",
        f"in (?:which|what|how many)(?: of the)? {_EN} (?:is|are) (.+) (?:mentioned|named|discussed|cited)",
        f"in (?:which|what|how many)(?: of the)? {_EN} (?:does|do) (.+) (?:occur|appear)",
        f"(?:please )?(?:list|find|show|give|count)(?: me| us)?(?: all| every)?(?: of)?(?: the| my| our)? {_EN} "
        f"(?:that|which) {_EN_HAVE} (.+)",
        "(?:please )?(?:list|find|show|count)(?: me| us)? (?:all|every)(?: the)? mentions? of (.+)",
    ),
    "de": (
        f"(?:welche|wie ?viele)(?: der)? {_DE} {_DE_HAVE} (.+)",
        f"in (?:welchen|wie ?vielen)(?: der)? {_DE} (?:wird|werden|ist|sind) (.+) (?:erwähnt|genannt)",
        f"in (?:welchen|wie ?vielen)(?: der)? {_DE} (?:kommt|kommen) (.+) vor",
        f"(?:bitte )?(?:liste|nenne|zeige?|finde|zähle)(?: mir)?(?: alle)? {_DE}(?: auf)?, die (.+) {_DE_HAVE}",
    ),
    "fr": (
        f"(?:quels|quelles|combien de)(?: sont les)? {_FR}(?: qui)? {_FR_HAVE}(.+)",
        f"dans (?:quels|quelles|combien de) {_FR} (?:apparaît|apparaissent|figure|figurent) (.+)",
        f"dans (?:quels|quelles|combien de) {_FR} (.+) (?:est|sont)[- ](?:il|elle|ils|elles) mentionnée?s?",
        "(?:liste[rz]?|trouve[rz]?|énumère[rz]?|donne[rz]?|montre[rz]?|compte[rz]?)(?:[- ]moi)? "
        f"(?:tous les|toutes les|les) {_FR} qui {_FR_HAVE}(.+)",
    ),
    "es": (
        f"(?:qué|cuáles|cuántos|cuántas)(?: de los| son los)? {_ES}(?: que)? {_ES_HAVE} (.+)",
        f"en (?:qué|cuáles|cuántos|cuántas) {_ES} (?:se mencionan?|aparecen?|figuran?|se habla (?:del?|sobre)) (.+)",
        "(?:lista|listar|enumera|enumerar|encuentra|busca|muestra|cuenta)(?:me)?(?: todos| todas)?(?: los| las)? "
        f"{_ES} que {_ES_HAVE} (.+)",
    ),
    "zh": (
        f"(?:请问)?(?:一?共)?有?{_ZH_MANY}{_ZH}[里中]?都?{_ZH_HAVE}(.+)",
        f"(.+?)都?在{_ZH_MANY}{_ZH}[里中]?都?被?{_ZH_HAVE}",
        f"请?(?:帮我)?(?:列出|列举|找出|找到|统计)(?:所有|全部|一下)?的?{_ZH_HAVE}(.+?)的(?:所有|全部)?{_ZH}",
    ),
}
_PATTERNS = {language: re.compile("|".join(forms), re.IGNORECASE) for language, forms in _FORMS.items()}
_EITHER = re.compile(r"\s[/|]\s")
# What makes it another question: alternatives, exceptions, a second question.
_MORE = {
    language: re.compile(words, re.IGNORECASE)
    for language, words in {
        "en": r"\b(?:or|not|no|without|except|but|if|when|where|why|how|who|what|which|than|most|both"
        r"|neither|nor|either|only|at least"
        r"|and (?:list|show|count|give|tell|name|say|explain|quote|sort|compare|summari[sz]e))\b|n['’]t\b",
        "de": r"\b(?:oder|nicht|kein\w*|ohne|außer|aber|wenn|wann|wo|warum|wie|wer|was|welche\w*|als|meisten"
        r"|weder|noch|nur|und (?:liste|zeige?|nenne|zähle?|sage?|vergleiche?))\b",
        "fr": r"\b(?:ou|ne|pas|sans|sauf|mais|si|quand|où|pourquoi|comment|qui|quoi|quels?|quelles?|plus"
        r"|ni|seulement|uniquement|et (?:liste|montre|donne|compte|dis|dites|compare)[rz]?)\b",
        "es": r"\b(?:o|no|sin|salvo|excepto|pero|si|cuándo|dónde|por qué|cómo|quién|qué|cuál\w*|más"
        r"|ni|s[oó]lo|solamente|y (?:lista|muestra|cuenta|enumera|di|dime|compara)r?)\b",
        "zh": "或|不|没|未|除|为什么|怎么|如何|什么|谁|哪|几|多少|吗|只|仅|并(?:列|说|给|统)",
    }.items()
}
