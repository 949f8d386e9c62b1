"""Tables made by rule, with questions on their cells, for the reader to learn from: `corpora/tables/words.tsv`.

A document is of one organisation and holds two or three tables: statements, price lists, specifications, forms,
programmes. A question asks for a cell by its row and column, each said in any of its ways, in the document's
language or another. What is not answered: a row, column or period that the table has not, or another organisation's.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from polyglot import HELD_OUT, digit

from rag.corpus.readers import reader_for
from rag.datatypes import Document

WORDS = Path(__file__).parents[1] / "corpora" / "tables" / "words.tsv"
LANGUAGES = ("en", "zh", "de", "es", "fr")
SPOKEN = (8, 6, 2, 2, 2)  # shares of the languages
ACROSS = 0.35  # of the questions are in another language than the document
QUESTIONS = 7  # on a document, of which `UNANSWERED` have no answer
UNANSWERED = 0.35

_FIRST = [
    "Bel",
    "Cor",
    "Dan",
    "Fal",
    "Gar",
    "Hol",
    "Ken",
    "Lor",
    "Mar",
    "Nor",
    "Ost",
    "Per",
    "Quil",
    "Ros",
    "Sel",
    "Tor",
    "Ul",
    "Ver",
    "Wes",
    "Zan",
]
_LAST = [
    "amar",
    "bury",
    "dale",
    "ey",
    "field",
    "gate",
    "holm",
    "ian",
    "lund",
    "mont",
    "ora",
    "port",
    "rick",
    "son",
    "tec",
    "ton",
    "via",
    "wick",
]
_KIND = ("Ltd", "AG", "Industries", "Works", "S.A.", "Group", "& Sons", "Holdings")
_CHINESE = ["恒远", "海岳", "晨光", "金桥", "瑞丰", "宏达", "东澜", "北辰", "云鼎", "南屿", "明泽", "嘉陵"]
_TRADES = ["机械", "能源", "电子", "物流", "食品", "材料"]
_GIVEN = ["Anna", "Omar", "Lucie", "Piotr", "Ines", "Hugo", "Mei", "Karim", "Greta", "Tomas", "Yuki", "Dalia"]
_FAMILY = [
    "Weber",
    "Okafor",
    "Lindqvist",
    "Moreau",
    "Castillo",
    "Haddad",
    "Novak",
    "Bauer",
    "Tanaka",
    "Ferri",
    "Quist",
    "Arnott",
]
_PEOPLE = ["王立群", "陈思远", "刘燕", "赵海峰", "周敏", "孙国栋", "吴佳", "郑晓东"]

TITLES = {
    "statement": (
        "Statement of operations",
        "经营报表",
        "Gewinn- und Verlustrechnung",
        "Cuenta de resultados",
        "Compte de résultat",
    ),
    "segment": (
        "Net sales by segment",
        "按分部划分的净销售额",
        "Umsatz nach Segmenten",
        "Ventas por segmento",
        "Ventes par segment",
    ),
    "price": ("Price list", "价目表", "Preisliste", "Lista de precios", "Liste des prix"),
    "spec": ("Technical data", "技术参数", "Technische Daten", "Datos técnicos", "Caractéristiques techniques"),
    "form": ("Invoice", "发票", "Rechnung", "Factura", "Facture"),
    "event": ("Programme", "活动安排", "Programm", "Programa", "Programme"),
}
ASKED = {  # for a row of a column; {e} is the organisation, left out where a form has none
    "en": (
        "What was {r} for {c}?",
        "What is the {c} of {r}?",
        "{e}: {r}, {c}?",
        "How much is {r} of {e} for {c}?",
        "What are {e}'s {r} in {c}?",
        "What does {e} give as {c} for {r}?",
        "{r} {c}",
    ),
    "zh": ("{e}{c}的{r}是多少?", "{r}的{c}是多少?", "{c}{r}是多少?", "请问{e}的{r}{c}是什么?", "{r} {c}"),
    "de": (
        "Wie hoch ist {r} bei {e}, {c}?",
        "Was steht für {r} unter {c}?",
        "{c}: {r}?",
        "Welchen Wert hat {r} für {c} bei {e}?",
    ),
    "es": ("¿Cuál es {c} de {r}?", "¿Cuánto es {r} de {e} en {c}?", "{r}, {c}?"),
    "fr": ("Quel est {c} pour {r} ?", "Combien pour {r} chez {e}, {c} ?", "{r}, {c} ?"),
}
FIELD = {  # for one value of a form or of one model
    "en": ("What is the {r} of {e}?", "What is the {r}?", "{r} of {e}?", "{r}", "Which {r} is given for {e}?"),
    "zh": ("{e}的{r}是什么?", "{r}是多少?", "{e} {r}"),
    "de": ("Wie lautet bei {e}: {r}?", "{r} von {e}?", "Was ist als {r} angegeben?"),
    "es": ("¿Cuál es {r} de {e}?", "¿Qué {r} figura?"),
    "fr": ("Quel est {r} de {e} ?", "{r} pour {e} ?"),
}
ORDINALS = {
    "en": ("first", "second", "third", "fourth"),
    "de": ("ersten", "zweiten", "dritten", "vierten"),
    "es": ("primer", "segundo", "tercer", "cuarto"),
    "fr": ("premier", "deuxième", "troisième", "quatrième"),
}
MONTHS = {
    "en": ("March", "June", "September", "December"),
    "de": ("März", "Juni", "September", "Dezember"),
    "es": ("marzo", "junio", "septiembre", "diciembre"),
    "fr": ("mars", "juin", "septembre", "décembre"),
}

DAYS = {"en": "days", "zh": "天", "de": "Tage", "es": "días", "fr": "jours"}
MONTHS_LONG = {"en": "months", "zh": "个月", "de": "Monate", "es": "meses", "fr": "mois"}


@dataclass(frozen=True, slots=True)
class Word:
    """What a row or column means: its kind, the values it takes, and the ways to say it by language."""

    kind: str
    value: str
    ways: dict[str, tuple[str, ...]]

    @property
    def held_out(self) -> bool:
        """Whether it is asked for in held-out documents alone."""
        return digit(self.ways["en"][0]) in HELD_OUT


@dataclass(frozen=True, slots=True)
class Label:
    """What stands at a row or column of a table, and the ways to ask for it by language."""

    text: str
    ways: Mapping[str, tuple[str, ...]]
    held_out: bool = False


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on a document, and its answer; "" where it has none. `clues` are the row and the column it means."""

    text: str
    language: str
    answer: str
    clues: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """A document of tables with questions on it."""

    organisation: str
    document: Document
    language: str
    questions: tuple[Asked, ...]

    @property
    def held_out(self) -> bool:
        """Whether nothing may be fitted on it."""
        return digit(self.organisation) in HELD_OUT


def papers(count: int) -> Iterator[Paper]:
    """So many documents, the same ones each time."""
    words = defaultdict[str, list[Word]](list)
    for word in read_words():
        words[word.kind].append(word)
    for number in range(count):
        yield Maker(random.Random(number), words).paper()


def read_words() -> Iterator[Word]:
    """The lines of words.tsv."""
    for line in WORDS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            kind, value, *said = line.split("\t")
            ways = {language: tuple(way.split(" / ")) for language, way in zip(LANGUAGES, said, strict=True)}
            yield Word(kind, value, ways)


class Maker:
    """One document, by what `draw` draws."""

    def __init__(self, draw: random.Random, words: dict[str, list[Word]]) -> None:
        self.draw = draw
        self.words = words
        self.language = draw.choices(LANGUAGES, SPOKEN)[0]
        self.used: set[str] = set()
        self.questions: list[Asked] = []
        self.organisation = self._organisation()

    def paper(self) -> Paper:
        """Two or three tables under the organisation's name."""
        draw = self.draw
        made = draw.sample(["statement", "segment", "price", "spec", "form", "event"], draw.choice((2, 2, 3)))
        parts = [f"# {self.organisation}"]
        for kind in made:
            title = TITLES[kind][LANGUAGES.index(self.language)]
            parts += [f"## {title}", getattr(self, f"_{kind}")()]
        draw.shuffle(self.questions)
        name = "tables.md"
        reader = reader_for(name)
        assert reader
        document = reader.read("\n\n".join(parts).encode(), name)
        assert isinstance(document, Document)
        return Paper(self.organisation, document, self.language, tuple(self._balanced()))

    def _balanced(self) -> Iterator[Asked]:
        without = round(QUESTIONS * UNANSWERED)
        yield from [asked for asked in self.questions if not asked.answer][:without]
        yield from [asked for asked in self.questions if asked.answer][: QUESTIONS - without]

    # ------------------------------------------------------------ tables

    def _statement(self) -> str:
        return self._periods(self.words["statement"], 10)

    def _segment(self) -> str:
        return self._periods(self.words["segment"], 6)

    def _periods(self, words: Sequence[Word], most: int) -> str:
        draw = self.draw
        rows = draw.sample(words, draw.randint(4, min(most, len(words) - 2)))
        style = draw.choice((self._years, self._quarters, self._ended))
        columns, absent = style(draw.randint(2, 4))
        unit = draw.choice(("", "", "$", "€", "¥"))
        cells = [[self._value(row.value, unit) for _ in columns] for row in rows]
        labels = [self._label(row) for row in rows]
        others = [self._label(word) for word in words if word not in rows]
        self._ask(labels, columns, cells, others, absent)
        return self._table([""] + [column.text for column in columns], labels, cells)

    def _price(self) -> str:
        draw = self.draw
        rows = draw.sample(self.words["item"], draw.randint(4, 9))
        columns = draw.sample(self.words["attribute"], draw.randint(2, 4))
        return self._crossed(rows, columns, self.words["item"], self.words["attribute"], self._item_name)

    def _event(self) -> str:
        draw = self.draw
        rows = draw.sample(self.words["topic"], draw.randint(3, 7))
        columns = draw.sample(self.words["event"], draw.randint(2, 5))
        return self._crossed(rows, columns, self.words["topic"], self.words["event"], self._label)

    def _crossed(
        self,
        rows: Sequence[Word],
        columns: Sequence[Word],
        all_rows: Sequence[Word],
        all_columns: Sequence[Word],
        name: Callable[[Word], Label],
    ) -> str:
        labels, heads = [name(row) for row in rows], [self._label(column) for column in columns]
        cells = [[self._value(column.value, "") for column in columns] for _ in rows]
        other_rows = [self._label(word) for word in all_rows if word not in rows]
        other_columns = [self._label(word) for word in all_columns if word not in columns]
        self._ask(labels, heads, cells, other_rows, other_columns)
        corner = self.draw.choice(("", TITLES["price"][LANGUAGES.index(self.language)]))
        return self._table([corner] + [head.text for head in heads], labels, cells)

    def _spec(self) -> str:
        draw = self.draw
        rows = draw.sample(self.words["spec"], draw.randint(4, 8))
        models = [self._model() for _ in range(draw.choice((1, 2, 3)))]
        labels = [self._label(row) for row in rows]
        cells = [[self._value(row.value, "") for _ in models] for row in rows]
        others = [self._label(word) for word in self.words["spec"] if word not in rows]
        self._ask(labels, models, cells, others, [self._model()])
        return self._table([""] + [model.text for model in models], labels, cells)

    def _form(self) -> str:
        draw = self.draw
        rows = draw.sample(self.words["field"], draw.randint(5, 10))
        labels = [self._label(row) for row in rows]
        values = [self._value(row.value, "") for row in rows]
        others = [self._label(word) for word in self.words["field"] if word not in rows]
        self._ask_fields(labels, values, others)
        if draw.random() < 0.5:
            return self._table(["", ""], labels, [[value] for value in values])
        pairs = list(zip(labels, values, strict=True))
        half = -(-len(pairs) // 2)
        lines = ["|  |  |  |  |", "| --- | --- | --- | --- |"]
        for place in range(half):
            left = pairs[place]
            right = f"{pairs[half + place][0].text} | {pairs[half + place][1]}" if half + place < len(pairs) else " | "
            lines.append(f"| {left[0].text} | {left[1]} | {right} |")
        return "\n".join(lines)

    def _table(self, heads: Sequence[str], labels: Sequence[Label], cells: Sequence[Sequence[str]]) -> str:
        lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
        lines += [f"| {label.text} | {' | '.join(row)} |" for label, row in zip(labels, cells, strict=True)]
        return "\n".join(lines)

    # ------------------------------------------------------------ questions

    def _ask(
        self,
        rows: Sequence[Label],
        columns: Sequence[Label],
        cells: Sequence[Sequence[str]],
        other_rows: Sequence[Label],
        other_columns: Sequence[Label],
    ) -> None:
        draw = self.draw
        for _ in range(4):
            row, column = draw.randrange(len(rows)), draw.randrange(len(columns))
            self._put(rows[row], columns[column], cells[row][column])
            kind = draw.choice(("row", "column", "organisation"))
            if kind == "row" and other_rows:
                self._put(draw.choice(other_rows), columns[column], "")
            elif kind == "column" and other_columns:
                self._put(rows[row], draw.choice(other_columns), "")
            else:
                self._put(rows[row], columns[column], "", of=self._organisation())

    def _ask_fields(self, rows: Sequence[Label], values: Sequence[str], others: Sequence[Label]) -> None:
        for _ in range(4):
            row = self.draw.randrange(len(rows))
            self._put(rows[row], None, values[row])
            if others and self.draw.random() < 0.6:
                self._put(self.draw.choice(others), None, "")
            else:
                self._put(rows[row], None, "", of=self._organisation())

    def _put(self, row: Label, column: Label | None, answer: str, of: str = "") -> None:
        draw = self.draw
        if (row.held_out or (column and column.held_out)) and digit(self.organisation) not in HELD_OUT:
            return
        language = self.language
        if draw.random() < ACROSS:
            language = draw.choice([each for each in ("en", "zh", "en", "zh", *LANGUAGES) if each != self.language])
        forms = (ASKED if column else FIELD)[language]
        if of:
            forms = tuple(form for form in forms if "{e}" in form)
        text = draw.choice(forms).format(
            e=of or self.organisation,
            r=self._said(draw.choice(row.ways[language])),
            c=self._said(draw.choice(column.ways[language])) if column else "",
        )
        self.questions.append(Asked(text, language, answer, (row.text, column.text) if column else (row.text,)))

    def _said(self, way: str) -> str:
        """As within a sentence, mostly."""
        small = (
            len(way) > 1 and way[1].islower() and self.draw.random() < 0.8 and way.split()[0] not in self.organisation
        )
        return way[0].lower() + way[1:] if small else way

    # ------------------------------------------------------------ names and values

    def _label(self, word: Word) -> Label:
        return Label(word.ways[self.language][0], word.ways, word.held_out)

    def _item_name(self, word: Word) -> Label:
        if self.draw.random() < 0.5:
            return self._label(word)
        code = self._code()
        ways = {language: (*(f"{way} {code}" for way in said), code) for language, said in word.ways.items()}
        return Label(f"{word.ways[self.language][0]} {code}", ways, word.held_out)

    def _model(self) -> Label:
        name = f"{self.draw.choice(_FIRST)}{self.draw.choice(_LAST)} {self.draw.randint(10, 990)}"
        return Label(name, dict.fromkeys(LANGUAGES, (name,)))

    def _organisation(self) -> str:
        draw = self.draw
        if self.language == "zh" and draw.random() < 0.7:
            return f"{draw.choice(_CHINESE)}{draw.choice(_TRADES)}{draw.choice(('有限公司', '集团', '股份公司'))}"
        return f"{draw.choice(_FIRST)}{draw.choice(_LAST)} {draw.choice(_KIND)}"

    def _years(self, count: int) -> tuple[list[Label], list[Label]]:
        start = self.draw.randint(2009, 2025 - count)
        years = [str(start + number) for number in range(count + 2)]
        labels = [
            Label(year, {one: (year, f"{year}年") if one == "zh" else (year,) for one in LANGUAGES}) for year in years
        ]
        return self._shuffled(labels, count)

    def _quarters(self, count: int) -> tuple[list[Label], list[Label]]:
        year = self.draw.randint(2010, 2024)
        whole = [self._quarter(quarter, year + more) for more in (0, 1) for quarter in range(4)]
        return self._shuffled(self.draw.sample(whole, count + 2), count)

    def _quarter(self, quarter: int, year: int) -> Label:
        short = f"Q{quarter + 1} {year}"
        ways = {
            "en": (short, f"the {ORDINALS['en'][quarter]} quarter of {year}"),
            "zh": (f"{year}年第{'一二三四'[quarter]}季度", f"{year}年{'一二三四'[quarter]}季度"),
            "de": (short, f"im {ORDINALS['de'][quarter]} Quartal {year}"),
            "es": (short, f"el {ORDINALS['es'][quarter]} trimestre de {year}"),
            "fr": (short, f"au {ORDINALS['fr'][quarter]} trimestre {year}"),
        }
        return Label(self.draw.choice(ways[self.language]) if self.language == "zh" else short, ways)

    def _ended(self, count: int) -> tuple[list[Label], list[Label]]:
        year, day = self.draw.randint(2010, 2024), self.draw.randint(24, 30)
        labels = []
        for months, quarter, more in self.draw.sample(
            [(m, q, y) for m in (3, 6) for q in range(4) for y in (0, 1)], count + 2
        ):
            n = "Three" if months == 3 else "Six"
            month = {language: MONTHS[language][quarter] for language in MONTHS}
            end = year + more
            ways = {
                "en": (
                    f"{n} Months Ended {month['en']} {day}, {end}",
                    f"the {n.lower()} months to {month['en']} {end}",
                ),
                "zh": (f"截至{end}年{3 * quarter + 3}月{day}日止{'三' if months == 3 else '六'}个月",),
                "de": (f"{months} Monate bis {day}. {month['de']} {end}",),
                "es": (f"{months} meses hasta el {day} de {month['es']} de {end}",),
                "fr": (f"{months} mois au {day} {month['fr']} {end}",),
            }
            labels.append(Label(ways[self.language][0], ways))
        return labels[:count], labels[count:]

    def _shuffled(self, labels: list[Label], count: int) -> tuple[list[Label], list[Label]]:
        skipped = set(self.draw.sample(range(len(labels)), len(labels) - count))
        shown = [label for place, label in enumerate(labels) if place not in skipped]
        if self.draw.random() < 0.5:
            shown.reverse()
        return shown, [label for place, label in enumerate(labels) if place in skipped]

    def _code(self) -> str:
        return f"{''.join(self.draw.choices('ABCDEFGHKLMNPRSTVX', k=2))}-{self.draw.randint(100, 9999)}"

    def _value(self, kind: str, unit: str) -> str:
        """A value that the document has nowhere else, if there is one."""
        for _ in range(50):
            value = self._drawn(kind, unit)
            if value not in self.used:
                break
        self.used.add(value)
        return value

    def _drawn(self, kind: str, unit: str) -> str:
        draw = self.draw
        n = draw.randint
        grouped = "." if self.language in ("de", "es") else "," if self.language in ("en", "zh") else " "
        point = "," if self.language in ("de", "es", "fr") else "."
        if kind == "amount":
            figure = f"{n(1_000, 99_000):,}".replace(",", grouped)
            return f"({figure})" if draw.random() < 0.08 else f"{unit}{figure}"
        if kind == "person":
            return draw.choice(_PEOPLE) if self.language == "zh" else f"{draw.choice(_GIVEN)} {draw.choice(_FAMILY)}"
        made = {
            "percent": f"{n(1, 89)}{point}{n(0, 9)}{draw.choice(('%', ' %'))}",
            "small": f"{unit}{n(0, 9)}{point}{n(10, 99)}",
            "count": f"{n(100, 9_999)}",
            "price": f"{draw.choice(('$', '€ ', '¥'))}{n(10, 4_000)}{point}{n(10, 99)}",
            "weight": f"{n(2, 900)}{point}{n(1, 9)} kg",
            "length": f"{n(2, 900)}{point}{n(1, 9)} m",
            "days": f"{n(3, 120)} {DAYS[self.language]}",
            "months": f"{n(3, 84)} {MONTHS_LONG[self.language]}",
            "hours": f"{n(50, 4_000)} h",
            "code": self._code(),
            "place": f"{draw.choice('ABCDEF')}{n(10, 499)}",
            "load": f"{n(100, 9_900)} kg",
            "power": f"{n(1, 90)}{point}{n(1, 9)} kW",
            "voltage": f"{n(12, 690)} V",
            "noise": f"{n(40, 99)} dB",
            "speed": f"{n(3, 240)} km/h",
            "temperature": f"{n(20, 180)} °C",
            "volume": f"{n(5, 900)} l",
            "phone": f"({n(200, 989)}) {n(200, 999)}-{n(1000, 9999)}",
            "mail": f"{draw.choice(_FAMILY).lower()}{n(1, 99)}@{draw.choice(_LAST)}.example",
            "date": f"{n(2012, 2025)}-{n(1, 12):02}-{n(1, 28):02}",
            "time": f"{n(7, 21)}:{draw.choice(('00', '15', '30', '45'))}",
        }
        return made[kind]


def cells(text: str, answer: str) -> list[tuple[int, int]]:
    """Where the answer fills a cell of a Markdown table."""
    return [match.span(1) for match in re.finditer(rf"\| ({re.escape(answer)}) (?=\|)", text)]
