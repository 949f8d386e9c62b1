"""Spellings of units and months, light-folded, each with the units that it may mean."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SPELLINGS: dict[str, str] = {
    "%": "% percent prozent procent por_ciento pour_cent per_cento por_cento procento процентов процента процент "
    "パーセント بالمئة بالمائة في_المئة",
    "kg": "kg kgs kilogram kilograms kilogramme kilogrammes kilogramm kilo kilos 公斤 千克 キログラム кг килограммов "
    "كيلوغرام كيلوجرام كغ",
    "g": "g gram grams gramme grammes gramm gramos 克 グラム г граммов غرام",
    "mg": "mg milligram milligrams 毫克",
    "t": "t ton tons tonne tonnes tonnen 吨 噸 公吨 トン тонн طن",
    "lb": "lb lbs pound pounds 磅",
    "oz": "oz ounce ounces",
    "m": "m metre metres meter meters 米 公尺 メートル м метров متر مترا",
    "cm": "cm centimetre centimetres centimeter centimeters zentimeter 厘米 公分 センチ см سم",
    "mm": "mm millimetre millimetres millimeter millimeters 毫米 мм ملم",
    "km": "km kms kilometre kilometres kilometer kilometers kilomètres 公里 千米 キロメートル км كيلومتر كم",
    "ft": "ft foot feet 英尺",
    "inch": "inch inches 英寸",
    "mi": "mi mile miles 英里 мили",
    "m2": "m2 m² sqm square_metre square_metres square_meter square_meters quadratmeter 平方米 平米",
    "km2": "km2 km² square_kilometre square_kilometres square_kilometer square_kilometers 平方公里 平方千米",
    "ha": "ha hectare hectares hektar 公顷",
    "m3": "m3 m³ cubic_metre cubic_metres cubic_meter cubic_meters kubikmeter 立方米",
    "l": "l litre litres liter liters 升 公升 リットル литров لتر",
    "ml": "ml millilitre millilitres milliliter milliliters 毫升 мл",
    "°c": "°c ℃ c degrees_celsius degree_celsius degrees_c grad_celsius 摄氏度 degrees degree grad ° 度",
    "°f": "°f ℉ f degrees_fahrenheit 华氏度 degrees degree ° 度",
    "°": "degrees degree grad ° 度 градусов درجة",
    "s": "s sec secs second seconds sekunde sekunden secondes segundos 秒 秒钟 секунд ثانية ثواني",
    "ms": "ms millisecond milliseconds 毫秒",
    "min": "min mins minute minutes minuten minutos 分钟 分鐘 分間 分 минут دقيقة دقائق",
    "h": "h hr hrs hour hours stunde stunden heure heures horas hora 小时 小時 个小时 時間 钟头 часов часа ساعة ساعات",
    "day": "d day days tag tage tagen jour jours día días giorni 天 日間 日 дней день дня يوم أيام يوما",
    "workday": "working_day working_days business_day business_days werktage 工作日 个工作日 营业日",
    "week": "week weeks woche wochen semaine semaines semana semanas 周 星期 週間 周间 недель недели أسبوع أسابيع",
    "month": "month months monat monate monaten mois mes meses mesi 个月 個月 か月 ヶ月 月 месяцев شهر أشهر شهرا",
    "year": "year years yr jahr jahre jahren an ans année années año años anni 年 年間 лет года سنة سنوات عاما",
    "usd": "$ us$ usd dollar dollars dólares 美元 ドル долларов دولار",
    "eur": "€ eur euro euros 欧元 ユーロ евро يورو",
    "gbp": "£ gbp pound pounds 英镑",
    "cny": "¥ 元 cny rmb yuan 人民币 元人民币 块",
    "jpy": "¥ 円 jpy yen 日元",
    "w": "w watt watts 瓦 瓦特 вт",
    "kw": "kw kilowatt kilowatts 千瓦 квт",
    "mw": "mw megawatt megawatts 兆瓦",
    "kwh": "kwh kilowatt_hour kilowatt_hours kilowatt-hours 千瓦时 度",
    "v": "v volt volts 伏 伏特",
    "a": "a amp amps ampere amperes 安 安培",
    "hz": "hz hertz 赫兹",
    "khz": "khz 千赫",
    "mhz": "mhz 兆赫",
    "ghz": "ghz",
    "db": "db decibel decibels 分贝",
    "bar": "bar bars 巴",
    "psi": "psi",
    "pa": "pa 帕",
    "kpa": "kpa 千帕",
    "mpa": "mpa 兆帕",
    "n": "n newton newtons 牛",
    "kn": "kn kilonewton kilonewtons 千牛 knot knots 节",
    "nm": "nm newton_metre newton_metres 牛米 nanometre nanometres 纳米",
    "rpm": "rpm 转/分 转每分 转每分钟 转/分钟",
    "kb": "kb kib kilobyte kilobytes",
    "mb": "mb mib megabyte megabytes 兆",
    "gb": "gb gib gigabyte gigabytes",
    "tb": "tb tib terabyte terabytes",
    "km/h": "km/h kmh kph 公里/小时 公里每小时 千米/小时 kilometres_per_hour kilometers_per_hour",
    "mph": "mph miles_per_hour",
    "m/s": "m/s 米/秒 米每秒",
    "knot": "knot knots kn kt kts 节",
    "point": "point points punkte puntos 分",
}

UNITS: dict[str, frozenset[str]] = {}
"""Spelling → the units that it may mean: «pounds» weighs or pays."""
for _unit, _spelled in _SPELLINGS.items():
    for _spelling in _spelled.split():
        _key = _spelling.replace("_", " ")
        UNITS[_key] = UNITS.get(_key, frozenset()) | {_unit}

PREFIXES: dict[str, frozenset[str]] = {
    sign: UNITS[sign] for sign in ("us$", "$", "€", "£", "¥", "usd", "eur", "gbp", "cny", "rmb", "jpy")
}
"""Units that stand before their number."""

MAGNITUDES: dict[str, int] = {
    "hundred": 100,
    "k": 10**3, "thousand": 10**3, "tausend": 10**3, "mille": 10**3, "mil": 10**3, "тыс": 10**3, "тысяч": 10**3,
    "ألف": 10**3, "آلاف": 10**3, "万": 10**4, "萬": 10**4, "million": 10**6, "millions": 10**6, "millionen": 10**6,
    "mio": 10**6, "mn": 10**6, "millones": 10**6, "milioni": 10**6, "млн": 10**6, "миллионов": 10**6, "مليون": 10**6,
    "百万": 10**6, "千万": 10**7, "亿": 10**8, "億": 10**8, "billion": 10**9, "billions": 10**9, "bn": 10**9,
    "mrd": 10**9, "milliarden": 10**9, "milliards": 10**9, "مليار": 10**9, "млрд": 10**9, "trillion": 10**12,
    "trillions": 10**12, "万亿": 10**12,
}  # fmt: skip
"""Words that multiply the digits before them."""

_MONTH_NAMES = (
    "january jan januar janvier enero gennaio janeiro januari января январь يناير",
    "february feb februar février febrero febbraio fevereiro februari февраля февраль فبراير",
    "march mar märz mars marzo março maart марта март مارس",
    "april apr avril abril aprile апреля апрель أبريل ابريل",
    "may mai mayo maggio maio mei мая май مايو",
    "june jun juni juin junio giugno junho июня июнь يونيو",
    "july jul juli juillet julio luglio julho июля июль يوليو",
    "august aug août agosto augustus augusti августа август أغسطس",
    "september sep sept septembre septiembre settembre setembro сентября сентябрь سبتمبر",
    "october oct oktober octobre octubre ottobre outubro октября октябрь أكتوبر",
    "november nov novembre noviembre novembro ноября ноябрь نوفمبر",
    "december dec dezember décembre diciembre dicembre dezembro декабря декабрь ديسمبر",
)
MONTHS: dict[str, int] = {name: at for at, names in enumerate(_MONTH_NAMES, start=1) for name in names.split()}
"""Month names of some languages → 1..12."""

YEAR = re.compile(r"(?:19|20)\d\d")
"""A year of the last century or this one."""


def alternatives(words: Iterable[str]) -> str:
    """A regular expression for any of the words, the longest first, Latin ones not followed by a letter or digit.

    One look-ahead for all of them: each costs milliseconds to compile.
    """
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    spaced = "|".join(re.escape(word) for word in longest_first if _spaced(word))
    others = "|".join(re.escape(word) for word in longest_first if not _spaced(word))
    guarded = rf"(?:{spaced})(?![^\W_\u2e80-\uffdc])" if spaced else ""
    return "|".join(part for part in (guarded, others) if part)


def _spaced(word: str) -> bool:
    return word[-1].isalpha() and word[-1] < "\u1100"
