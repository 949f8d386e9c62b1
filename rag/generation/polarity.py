"""Words that turn a sentence round: negations, and comparisons with a direction. In several languages."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from rag.text.fold import light
from rag.text.numerals import numerals_to_digits

# In the lists: "_" is a space, "*" any ending, "#" a number that must follow.
_INNOCENT = (
    "不锈钢 不同 不过 不仅 不但 不少 不断 不久 不管 不论 不只 不等 不动产 非常 无线 无人机 未来 除非 无论 分别 别墅 "
    "级别 类别 性别 特别 区别 个别 识别 鉴别 差不多 了不起 无锡 非洲 是否 能否 少不了 not_only no_# no._# "
    "no_one_else no_doubt nicht_nur pas_seulement no_solo non_solo sans_doute"
)
"""What looks like a negation and is none."""

# In this order, each taken out of the text when it is counted: «no more than» is a limit, neither «no» nor «more than».
_DIRECTIONS: tuple[tuple[str, str], ...] = (
    (
        "up",
        "no_less_than not_less_than no_fewer_than not_fewer_than at_least ≥# ≥_# 不少于 不低于 不小于 至少 最少 "
        "mindestens au_moins al_menos almeno pelo_menos minstens minst не_менее 少なくとも على_الأقل",
    ),
    (
        "down",
        "no_more_than not_more_than not_exceed not_exceeding at_most up_to ≤# ≤_# 不超过 不得超过 不超出 不大于 不高于 "
        "不多于 至多 最多 höchstens au_plus como_máximo al_massimo no_máximo hoogstens högst не_более 以内 之内 "
        "على_الأكثر",
    ),
    (
        "forbidden",
        "must_not may_not mustn't forbid* forbidden prohibit* banned not_allowed not_permitted 禁止 不得 不许 不准 "
        "严禁 不允许 verboten untersagt nicht_erlaubt interdit* prohibid* proibid* vietat* ممنوع запрещ*",
    ),
    (
        "up",
        "more_than greater over_# above exceed* higher highest larger largest increas* rise rises risen rising rose "
        "grew grow grows growing minimum 超过 高于 大于 多于 以上 提高 增加 上升 增长 更高 更多 最高 最大 增やす "
        "増加 mehr_als über_# höher* minimal* plus_de_# plus_que plus_élevé* más_de más_que più_di più_alto mais_de "
        "أكثر выше более больше",
    ),
    (
        "down",
        "less_than fewer_than less fewer under_# below lower lowest smaller smallest decreas* reduc* fall falls fell "
        "fallen drop drops dropped shrank maximum 低于 小于 少于 以下 降低 减少 下降 更低 更少 最低 最小 未満 減少 "
        "weniger_als weniger unter_# niedriger* maximal* moins menos meno أقل ниже менее меньше",
    ),
    ("before", "before prior_to until till 以前 之前 前に bevor vor_# avant antes prima قبل до_# перед"),
    ("after", "after afterwards since 以后 之后 後に nachdem nach_# après después depois dopo بعد после"),
    (
        "only",
        "only solely exclusively 仅 只有 只能 只需 唯一 のみ だけ nur ausschließlich seulement uniquement solamente "
        "soltanto только",
    ),
    (
        "all",
        "all every each always everyone 全部 所有 每 一律 すべて 全て alle aller allen alles jede* immer tous toutes "
        "toujours chaque todos todas siempre sempre cada tutti tutte كل جميع все всегда каждый",
    ),
    (
        "some",
        "some sometimes partly several 有些 部分 有时 einige manche manchmal certains quelques algunos alcuni "
        "некоторые",
    ),
    (
        "allowed",
        "allow allows allowed permit permits permitted 允许 准许 erlaubt gestattet autorisé* permitid* permess* "
        "مسموح разреш*",
    ),
    ("open", "open opens opened opening 打开 开启 开门 öffne* geöffnet ouvre ouvert* ouvrir abre abrir abiert*"),
    (
        "shut",
        "close closes closed closing shut shuts 关闭 关上 关门 schließ* geschlossen ferme fermé* fermer cierra cerrar "
        "cerrad*",
    ),
    ("on", "switch_on turn_on switched_on turned_on power_on 接通 启动 einschalten eingeschaltet allumer encender"),
    (
        "off",
        "switch_off turn_off switched_off turned_off power_off 切断 断开 停机 ausschalten ausgeschaltet éteindre "
        "apagar",
    ),
    ("left", "left_side left-hand left_hand 左 links linke* gauche izquierd*"),
    ("right", "right_side right-hand right_hand 右 rechts rechte* droite derech*"),
    ("first", "earliest oldest 最早"),
    ("last", "latest newest 最新 最晚"),
    ("with", "include includes included including 包括 包含 einschließlich inkl"),
    ("without", "exclude* excluding except excepting 除外 不含 不包括 ausgenommen außer"),
    ("enabled", "enable enables enabled 启用"),
    ("disabled", "disable disables disabled 停用 禁用"),
    ("accepted", "accept accepts accepted approve approves approved 接受 批准 通过"),
    ("rejected", "reject rejects rejected refuse refuses refused decline declines declined 拒绝 驳回"),
)
_NEGATIONS = (
    "not never none nobody nothing nowhere neither nor without cannot no hardly scarcely unable fail_to fails_to "
    "failed_to lack lacks nicht kein* nie niemals niemand nichts ohne weder ne n' n’ jamais aucun aucune sans rien "
    "nunca jamás sin ningún ninguna ninguno nada nadie tampoco non senza nessun nessuno nessuna niente não sem "
    "nenhum nenhuma ninguém niet geen nooit zonder inte ej ingen inget aldrig utan ikke aldri uten uden не нет без "
    "ни никогда никто لا لم لن ليس ليست غير بدون دون 不 没 無 无 非 未 勿 否 别 ない ません なかった ずに"
)
# «no … nunca», «ne … jamais» are one negation in two words.
_MAIN = "ne n' n’ no non não не"
_SECOND = (
    "jamais aucun aucune rien nunca jamás ningún ninguna ninguno nada nadie tampoco nessun nessuno nessuna niente "
    "nenhum nenhuma ninguém ни никогда никто"
)

_BEFORE_NUMBERS = (
    "more_than over_# above exceeding 超过 高于 大于 多于 mehr_als über_# plus_de_# más_de più_di mais_de более больше "
    "less_than fewer_than under_# below 低于 小于 少于 weniger_als unter_# moins_de menos_de meno_di менее меньше"
)
_BEHIND_NUMBERS = (
    "or_more or_less or_fewer or_longer or_above or_below or_over or_under 以上 以下 以内 之内 未満 oder_mehr "
    "oder_weniger ou_plus ou_moins o_más o_menos o_più o_meno ou_mais ou_menos или_более или_менее"
)
"""Beside the first two directions, what makes a number the end of a range."""


def _pattern(listed: str) -> re.Pattern[str]:
    """Any entry of a list, the longest first: a whole word where the script has spaces.

    Entries share their look-arounds: each costs milliseconds to compile.
    """
    longest_first = sorted(listed.split(), key=len, reverse=True)
    spaced = [entry for entry in longest_first if entry[0] <= "\u2e7f"]
    whole = "|".join(_body(entry) for entry in spaced if entry[-1] not in "*#'’")
    opening = "|".join(_body(entry) for entry in spaced if entry[-1] in "*#'’")
    parts = [rf"(?:{whole})(?![^\W\u3041-\u9fff])"] if whole else []
    parts += [opening] if opening else []
    words = [rf"(?<![^\W\u3041-\u9fff])(?:{'|'.join(parts)})"] if parts else []
    return re.compile("|".join([*words, *(_body(entry) for entry in longest_first if entry[0] > "\u2e7f")]))


def _body(entry: str) -> str:
    return re.escape(entry).replace("_", r"\s").replace(r"\#", r"(?:(?=[$€£¥]?[0-9]))").replace(r"\*", r"\w*")


_innocent = _pattern(_INNOCENT)
_by_direction = [(name, _pattern(words)) for name, words in _DIRECTIONS]
_negation = _pattern(_NEGATIONS)
_contracted = re.compile(r"n['’]t\b")
_main, _second = _pattern(_MAIN), _pattern(_SECOND)


@cache
def _limited() -> re.Pattern[str]:
    """A number with what makes it the end of a range; quotes need it never."""
    digits, between = r"[0-9]+(?:[.,'’ \u00a0][0-9]+)*", r"[^0-9.,;:!?。，；：！？\n]{0,12}"
    before = _pattern(" ".join([*(words for _, words in _DIRECTIONS[:2]), _BEFORE_NUMBERS])).pattern
    return re.compile(rf"(?:{before}){between}{digits}|{digits}{between}(?:{_pattern(_BEHIND_NUMBERS).pattern})")


def negations(text: str) -> int:
    """How many negations a text has; those inside a limit («no more than», 不超过) or a word (不锈钢) are none."""
    bare = _innocent.sub(" ", light(text))
    for _, pattern in _by_direction[:2]:
        bare = pattern.sub(" ", bare)
    if _main.search(bare):
        bare = _second.sub(" ", bare)
    return len(_negation.findall(bare)) + len(_contracted.findall(bare))


def is_negated(text: str) -> bool:
    """Whether a text says no: two negations are none."""
    return negations(text) % 2 == 1


def neutral(text: str) -> str:
    """The text, light-folded, without its negations and directions: what it speaks of."""
    bare = light(text)
    for pattern in (*(pattern for _, pattern in _by_direction), _negation, _contracted):
        bare = pattern.sub(" ", bare)
    return bare


def directions(text: str) -> Counter[str]:
    """How often each direction is taken, by its name. A claim that takes one needs it in its evidence."""
    bare = _innocent.sub(" ", light(text))
    found: Counter[str] = Counter()
    for name, pattern in _by_direction:
        bare, count = pattern.subn(" ", bare)
        if count:
            found[name] += count
    return found


def without_limits(text: str) -> str:
    """The text, light-folded, without the numbers that are the end of a range: of «less than 5 t», « t»."""
    return _limited().sub(" ", numerals_to_digits(light(text)))
