"""A question that continues a conversation: what is searched for it, and a model's rewrite of it, if that is one.

question ─leans on what was said?→ searched with the words of the last question before it, and as it is as well:
        └─ stands alone: as it is                             whether it leans can only be guessed
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag.datatypes import Message, Sampling, Template
from rag.generation.fence import neutral
from rag.generation.mentions import closed_up, identifiers, names, quoted, stands_alone
from rag.generation.phrases import NOT_ANSWERED, language_name
from rag.generation.polarity import directions, is_negated
from rag.generation.templates import conversation
from rag.generation.thoughts import without_thoughts
from rag.protocols import LanguageModel
from rag.text.fold import light
from rag.text.language import language
from rag.text.numbers import missing
from rag.text.sentences import sentences
from rag.text.terms import content_words, spelled_words, terms

TURNS = 2
"""Questions that are looked back at: the last one, and the one before where that leans on it in its turn."""
MOST_WORDS = 24
"""Words that are put before a question, at most; names of an answer, a third of them."""
SHORT = 5
"""Content words up to which a question that names nothing may be about what was said before."""
SHORT_UNSPACED = 10
"""The same in pairs of Chinese or Japanese characters."""
KEPT = 2 / 3
"""Share of a question's content words that a rewrite has to keep, and of its own that have to have been said."""
LONGER = 160
"""Characters that a rewrite may have more than its question."""
REWRITE_TOKENS = 96
SEEN = 400
"""Characters of a turn that are looked at, by a model too."""

# What points back, by language, in light-folded text; of words that mean other things too, the use that points.
_POINTING: dict[str, re.Pattern[str]] = {
    "en": re.compile(
        r"^(?:and|but|or|so|also|then|what about|how about)\b"
        r"|\b(?:it|its|they|them|their|theirs|he|him|his|she|her|hers|this one|these|those|such an?|ones|"
        r"the former|the latter|the others?|then|instead|afterwards)\b"
        r"|\b(?:that|this)(?: one)?(?=\s*(?:[?.!,]|$| (?:in|on|to|by|with|for)\b))"
        r"|(?<!is )(?<!are )(?<!was )(?<!were )(?<!be )\bthere\b(?! (?:is|are|was|were|be|any|a)\b)"
    ),
    "de": re.compile(
        r"^(?:und|aber|oder|auch|was ist mit|wie ist es mit)\b"
        r"|\b(?:er|ihn|ihm|sein|seine|seiner|seinen|ihr|ihre|ihrer|ihren|sie|davon|dazu|dafür|darauf|damit|dabei|darin|"
        r"danach|dort|dieser|diese|dieses|diesem|diesen|jener|jene|jenes|derselbe|dieselbe|dasselbe)\b"
        r"|(?<!gibt )\bes\b(?! gibt)"
    ),
    "fr": re.compile(
        r"^(?:et|mais|ou|aussi|qu'en est-il)\b"
        r"|\b(?:elle|elles|ils|lui|leur|leurs|son|sa|ses|celui|celle|ceux|celles|cela|ça|cet|cette|ces|là-bas)\b"
        r"|(?<!a-t-)(?<!faut-)(?<!agit-)\bil\b(?! (?:y a|faut|s'agit))"
    ),
    "es": re.compile(
        r"^¿?\s*(?:y|e|pero|o|también|qué hay de)\b"
        r"|\b(?:él|ella|ellos|ellas|su|sus|suyo|suya|este|esta|esto|estos|estas|ese|esa|eso|esos|esas|aquel|aquella|"
        r"aquello|allí|ahí|entonces)\b"
    ),
    "zh": re.compile(
        r"^(?:那|还有|另外|然后|以及)|呢[?？]?\s*$|(?<!其)[他她它]|[这那此]|上述|前者|后者|同样"
        r"|(?<!应)该(?!怎|如何|做)|(?<![尤极])其(?!他|它|余)"
    ),
}
# What stands between the two sides of a comparison.
_COMPARES = re.compile(
    r"\bthan\b|\b(?:\w+er|mehr) als\b|\b(?:plus|moins|aussi|más|menos|tan)\b[^?.!]*?\bqu(?:e\b|['’])"
    r"|(?<![百分对相正])比(?![例较如赛率值])"
)
_ASKS = ("?", "？", "؟")


@dataclass(frozen=True, slots=True)
class Talk:
    """What a question continues: the `turns` so far, oldest first, and the `persona` that stands before the rules.

    `attempt` counts the answers that it has had already: with a temperature, each is drawn with another seed.
    """

    turns: tuple[Message, ...] = ()
    persona: str = ""
    attempt: int = 0


def searches(question: str, turns: Sequence[Message]) -> tuple[str, ...]:
    """What is searched for a question that continues these turns, oldest first; the question itself stands last.

    Where it leans on what was said, it is searched with the words of the last question, the names in its answer and,
    where that question leans on the one before, the words of that too.
    """
    words: list[str] = []
    leaning = question
    for asked, answered in reversed(_exchanges(turns)[-TURNS:]):
        if not leans_back(leaning, asked):
            break
        words = [*spelled_words(asked[:SEEN]), *_named(answered[:SEEN]), *words]
        leaning = asked
    lacking = [word for word in dict.fromkeys(words) if _says(word) and _share(word, question) < 1]
    return (f"{' '.join(lacking[-MOST_WORDS:])} {question}", question) if lacking else (question,)


def leans_back(question: str, before: str) -> bool:
    """Whether a question may be about what was said before: it points back, or is short and names nothing.

    Its language is that of what was said `before` where it is too short to tell.
    """
    code = language(question) or language(before)
    pointing, unspaced = _POINTING.get(code), code in ("zh", "ja")
    if pointing and pointing.search(light(question).strip()):
        return True
    if names(question, initial=unspaced) or identifiers(question) or quoted(question):
        return False
    return len(content_words(question)) <= (SHORT_UNSPACED if unspaced else SHORT)


def rewritten(question: str, turns: Sequence[Message], model: LanguageModel, template: Template) -> str:
    """The question as the model completes it from the conversation; "" where that is not the same question."""
    history = "\n".join(f"{turn.role}: {neutral(turn.content)[:SEEN]}" for turn in turns[-2 * TURNS :])
    values = {"history": history, "question": neutral(question), "language": language_name(question)}
    messages = conversation(template, values)
    if model.count_tokens(model.render(messages)) + REWRITE_TOKENS > model.context_tokens:
        return ""
    pieces = model.generate(messages, Sampling(max_tokens=REWRITE_TOKENS))
    text = "".join(without_thoughts(pieces, [], expected=template.reasoning)).strip().strip('"“”«»「」')
    return "" if objection(text, question, turns) else text


def objection(rewrite: str, question: str, turns: Sequence[Message]) -> str:
    """Why a rewrite is not the same question, made complete; "" where nothing speaks against it."""
    said = "\n".join([*(turn.content for turn in turns), question])
    if len(rewrite) > len(question) + LONGER:
        return f"it is {len(rewrite) - len(question)} characters longer"
    if len(sentences(rewrite)) != 1 or (question.endswith(_ASKS) and not rewrite.endswith(_ASKS)):
        return "it is not one question"
    if (told := language(question)) and language(rewrite) != told:
        return f"it is in {language_name(rewrite)}"
    if invented := next(_unmentioned(rewrite, said), ""):
        return f"nobody has said {invented!r}"
    if lost := next(_unmentioned(question, rewrite), ""):
        return f"it has lost {lost!r}"
    if turned := _turned(rewrite, question, turns):
        return turned
    bare = _without_pointing(question, told)
    if _share(bare, rewrite) < KEPT:
        return "it has lost what the question asks"
    if not _same_sides(bare, light(rewrite)):
        return "it compares the other way round"
    return "" if _share(rewrite, said) >= KEPT else "it asks something else"


def _turned(rewrite: str, question: str, turns: Sequence[Message]) -> str:
    """How a rewrite turns its question round; "" where it does not.

    Of directions it may take those of the last questions as well: «And in winter?» goes on with theirs.
    """
    ours, theirs = directions(question), directions(rewrite)
    if is_negated(question) != is_negated(rewrite) or ours["forbidden"] != theirs["forbidden"]:
        return "it turns a negation round"
    if lost := ours - theirs:
        return f"it has lost {next(iter(lost))!r}"
    asked = directions("\n".join(said for said, _ in _exchanges(turns)[-TURNS:]))
    added = theirs.keys() - ours.keys() - asked.keys()
    return f"it adds {min(added)!r}" if added else ""


def _without_pointing(question: str, code: str) -> str:
    """The question, light-folded, without the words that point back in its language."""
    pointing = _POINTING.get(code)
    return pointing.sub(" ", light(question)) if pointing else light(question)


def _same_sides(question: str, rewrite: str) -> bool:
    """Whether what the question compares stands on the same sides in the rewrite; both are light-folded."""
    asked, written = _COMPARES.search(question), _COMPARES.search(rewrite)
    if not asked or not written:
        return not asked
    first = _share(question[: asked.start()], rewrite[: written.start()])
    return first == _share(question[asked.end() :], rewrite[written.end() :]) == 1


def _unmentioned(text: str, ground: str) -> Iterator[str]:
    """The numbers, identifiers, names and quoted words of a text that the ground has not."""
    yield from (quantity.surface for quantity in missing(text, ground))
    named = [*identifiers(text), *names(text)]
    yield from (each for each in named if not stands_alone(each, ground))
    yield from (each for each in quoted(text) if each not in closed_up(ground))


def _share(text: str, ground: str) -> float:
    """How many of a text's content words the ground has; 1 for a text without any."""
    words, there = content_words(text), set(terms(ground))
    return sum(not there.isdisjoint(forms) for forms in words) / len(words) if words else 1.0


def _exchanges(turns: Sequence[Message]) -> list[tuple[str, str]]:
    """Each thing that the user said with what was answered; "" where nothing was, or only that nothing is known."""
    found: list[tuple[str, str]] = []
    for turn in turns:
        if turn.role == "user":
            found.append((turn.content, ""))
        elif turn.role == "assistant" and found and turn.content not in NOT_ANSWERED.values():
            found[-1] = (found[-1][0], turn.content)
    return found


def _named(answer: str) -> list[str]:
    """The names and identifiers of an answer's first line, its best quote, as they are spelled: the first few."""
    best = answer.partition("\n")[0]
    wanted = {*names(best), *identifiers(best)}
    return [word for word in spelled_words(best) if closed_up(word) in wanted][: MOST_WORDS // 3]


def _says(word: str) -> bool:
    """Whether a word alone says anything: no single letter, nor a character between two that were left out."""
    return len(word) > 1 or word.isdigit()
