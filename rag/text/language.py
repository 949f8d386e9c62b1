"""Which language a text is in: by its script, then, within a script, by letters and function words.

A guess for choosing a stemmer, an abbreviation list and the language of fixed sentences; never shown as a fact.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from rag.text.fold import light

# What is looked at; a text does not change its language after that often enough to pay for reading on.
_SAMPLE = 4000

_SCRIPTS: dict[str, str] = {
    "latin": r"A-Za-z\u00aa-\u024f\u1e00-\u1eff",
    "han": r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
    "kana": r"\u3041-\u30ff\u31f0-\u31ff",
    "hangul": r"\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
    "arabic": r"\u0620-\u064a\u066e-\u06d3\u0750-\u077f",
    "cyrillic": r"\u0400-\u052f",
    "greek": r"\u0370-\u03ff\u1f00-\u1fff",
    "he": r"\u05d0-\u05ea",
    "hy": r"\u0531-\u0587",
    "ka": r"\u10a0-\u10ff",
    "devanagari": r"\u0900-\u097f",
    "bn": r"\u0980-\u09ff",
    "pa": r"\u0a00-\u0a7f",
    "gu": r"\u0a80-\u0aff",
    "ta": r"\u0b80-\u0bff",
    "te": r"\u0c00-\u0c7f",
    "kn": r"\u0c80-\u0cff",
    "ml": r"\u0d00-\u0d7f",
    "th": r"\u0e00-\u0e7f",
    "lo": r"\u0e80-\u0eff",
    "my": r"\u1000-\u109f",
    "am": r"\u1200-\u137f",
    "km": r"\u1780-\u17ff",
}
# Words of scripts with spaces count once, characters of scripts without count each: «Lodestar 的退款» is Chinese.
_WHOLE_WORDS = {"latin", "arabic", "cyrillic", "greek", "he", "hy", "ka", "devanagari", "bn", "pa", "gu", "ta", "te"}
_runs = re.compile(
    "|".join(f"(?P<{name}>[{chars}]{'+' if name in _WHOLE_WORDS else ''})" for name, chars in _SCRIPTS.items())
)
_latin_words = re.compile(f"[{_SCRIPTS['latin']}]+")

# Function and question words, light-folded. A word may vote for several languages.
_WORDS: dict[str, str] = {
    "en": "the of and to in is are was were be been that this these which what when where who whom whose why how does "
    "did do has have had for with on at by from as it its an not or if can will would should may must than there their "
    "they he she his her you your we our i my all any into about much many",
    "de": "der die das den dem des ein eine einer eines einem einen und oder ist sind war waren wird werden wurde "
    "wurden nicht mit von vom zu zum zur auf für im in am bei nach aus als auch es sich sie er wir ich wie was wer wo "
    "wann warum welche welcher welches welchen viele viel dass wenn hat haben kann können durch über unter bis um man",
    "fr": "le la les l un une des du de d et ou est sont était été être dans en sur sous pour par avec sans ne pas que "
    "qui quoi quel quelle quels quelles où quand comment combien pourquoi ce cette ces il elle ils elles on nous vous "
    "se son sa ses leur au aux plus à y a ont",
    "es": "el la los las un una unos unas de del y o es son era fue fueron ser en por para con sin no que qué quién "
    "quiénes cuál cuáles cuándo cuánto cuántos cuántas cuánta dónde cómo se su sus lo al como más este esta estos "
    "cuando entre pero ha han muy",
    "it": "il lo la gli le un uno una di del della dei delle degli dello nel nella e o è sono era erano in per con su "
    "da dal dalla non che chi cosa quale quali quando quanto quanti quante dove come perché si suo sua al alla ai più "
    "anche questo questa ha hanno",
    "pt": "o os as um uma uns umas de do da dos das em no na nos nas e ou é são era foi foram ser por para com sem não "
    "que quem qual quais quando quanto quantos quantas onde como se seu sua ao à aos pelo pela mais este esta isso há "
    "tem",
    "nl": "de het een en of is zijn was waren wordt worden werd niet met van voor op in te aan bij uit als ook er dat "
    "die dit deze wie wat waar wanneer waarom hoe hoeveel welke door over naar tot hij zij ze wij ik je uw heeft",
    "sv": "och att det som en ett den de är var av på för med till från inte om har hade kan ska vad vem när var hur "
    "varför vilken vilket vilka många mycket men sig vid i eller efter under över",
    "da": "og at det som en et den de er var af på for med til fra ikke om har havde kan skal hvad hvem hvornår hvor "
    "hvordan hvorfor hvilken hvilket hvilke mange meget men sig ved i eller efter under over blev",
    "no": "og at det som en et ei den de er var av på for med til fra ikke om har hadde kan skal hva hvem når hvor "
    "hvordan hvorfor hvilken hvilket hvilke mange mye men seg ved i eller etter under over ble",
    "fi": "ja on ei että se oli ovat olivat hän joka jotka mikä mitä kuka ketä missä milloin miksi miten kuinka "
    "montako "
    "paljonko mutta tai kun niin myös sen sitä ole voi kuin jos",
    "ro": "și si este sunt era au o un unei unui de la din în cu pe pentru nu că care ce cine când cât câți câte unde "
    "cum sau mai al ale lui să se prin fost după",
    "hu": "a az egy és hogy nem is van volt voltak meg ki mi mikor hol miért hogyan hány mennyi melyik ez ezt azt de "
    "vagy mint már csak el lehet kell után által",
    "tr": "ve bir bu da de için ile ne kim nerede zaman niçin neden nasıl kaç hangi olarak olan oldu mi mı mu mü değil "
    "çok en daha gibi kadar sonra veya ama",
    "pl": "i w z na do się nie jest są był była było byli że to jak o od po przez dla co kto kiedy gdzie dlaczego ile "
    "który która które czy lub oraz a ma także jego",
    "cs": "a v ve na do se je jsou byl byla bylo že to jak o od po pro co kdo kdy kde proč kolik který která které "
    "nebo "
    "s z ne není ale také jeho podle",
    "ca": "el la els les un una de del dels i o és són era en per amb sense no que qui què quin quina quan quant "
    "on com "
    "es seu seva al més aquest aquesta va ser",
    "id": "yang dan di ke dari untuk dengan adalah ini itu pada tidak dalam oleh sebagai apa siapa kapan mana mengapa "
    "bagaimana berapa atau akan juga telah",
    "vi": "và của là các trong được cho không có một những với người này đã khi gì ai đâu nào bao nhiêu tại sao từ như "
    "để",
    "ru": "и в во не на что с со как по но из у за от к это для или ли когда где кто почему сколько какой какая какие "
    "каким был была было были есть его их",
    "uk": "і й в у не на що з як по але із за від до це для або чи коли де хто чому скільки який яка які був була було "
    "є його їх та",
    "bg": "и в във не на че с със как по но от за до това или ли кога къде кой защо колко какъв каква какви е са беше "
    "са се да",
    "sr": "и у не на што с са као по али из за од до то или ли када где ко зашто колико који која које је су био била",
}
_VOTES: dict[str, tuple[str, ...]] = {}
for _code, _text in _WORDS.items():
    for _word in dict.fromkeys(_text.split()):
        _VOTES[_word] = (*_VOTES.get(_word, ()), _code)

# Letters that one language of the script writes and its neighbours hardly do; each counts as one vote.
_LETTERS: dict[str, str] = {
    "ß": "de", "ñ": "es", "¿": "es", "¡": "es", "ã": "pt", "õ": "pt", "ø": "da", "ğ": "tr", "ş": "tr", "ı": "tr",
    "ő": "hu", "ű": "hu", "ł": "pl", "ż": "pl", "ę": "pl", "ą": "pl", "ř": "cs", "ě": "cs", "ů": "cs", "ț": "ro",
    "ș": "ro", "ă": "ro", "đ": "vi", "ạ": "vi", "ế": "vi", "ệ": "vi", "ư": "vi", "œ": "fr", "ù": "fr",
    "ы": "ru", "э": "ru", "ё": "ru", "і": "uk", "ї": "uk", "є": "uk", "ґ": "uk", "ј": "sr", "љ": "sr", "њ": "sr",
    "ћ": "sr", "ђ": "sr", "џ": "sr", "پ": "fa", "چ": "fa", "ژ": "fa", "گ": "fa", "ٹ": "ur", "ڈ": "ur", "ڑ": "ur",
    "ے": "ur", "ں": "ur",
}  # fmt: skip
_letters = re.compile(f"[{''.join(_LETTERS)}]")
_DEFAULTS = {"cyrillic": "ru", "arabic": "ar", "greek": "el", "hangul": "ko", "devanagari": "hi"}


def language(text: str) -> str:
    """The language's ISO 639-1 code ("en", "zh", "ja", "ar" …); "" where there are no letters or no sign of one."""
    sample = light(text[:_SAMPLE])
    counts = Counter(match.lastgroup for match in _runs.finditer(sample))
    if not counts:
        return ""
    han, kana = counts.pop("han", 0), counts.pop("kana", 0)
    counts["cjk"] = han + kana
    script = max(counts, key=lambda name: counts[name])
    if script == "cjk":
        # Chinese quotes a kana now and then; a Japanese sentence has one in every few characters.
        return "ja" if kana * 12 > han else "zh"
    if script in ("latin", "cyrillic"):
        return by_words(sample.split() if script == "cyrillic" else _latin_words.findall(sample), script)
    if script == "arabic":
        return _by_letters(sample) or "ar"
    return _DEFAULTS.get(script or "", script or "")


def by_words(words: Iterable[str], script: str = "latin") -> str:
    """The language of light-folded words of one script ("latin" or "cyrillic"); "" or "ru" where nothing tells."""
    ranked = votes(words)
    return ranked[0][0] if ranked else _DEFAULTS.get(script, "")


def votes(words: Iterable[str]) -> list[tuple[str, int]]:
    """Languages that light-folded words speak for, with their counts, most first; ties in a fixed order."""
    counts: Counter[str] = Counter()
    for word in words:
        if word in _VOTES:
            counts.update(_VOTES[word])
        if not word.isascii():
            counts.update(_LETTERS[letter] for letter in _letters.findall(word))
    return sorted(counts.items(), key=lambda item: (-item[1], _ORDER[item[0]]))


def function_words(code: str) -> frozenset[str]:
    """The light-folded function and question words of a language; empty for one that has no list here."""
    return _FUNCTION_WORDS.get(code, frozenset())


_ORDER = {code: rank for rank, code in enumerate([*_WORDS, "fa", "ur"])}
_FUNCTION_WORDS = {code: frozenset(words.split()) for code, words in _WORDS.items()}


def _by_letters(sample: str) -> str:
    counts = Counter(_LETTERS[letter] for letter in _letters.findall(sample))
    return counts.most_common(1)[0][0] if counts else ""
