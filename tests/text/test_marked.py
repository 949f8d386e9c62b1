"""reStructuredText, Org, AsciiDoc and LaTeX: which lines are headings, code, tables and items."""

import pytest

from rag.datatypes import Markup
from rag.text.markdown import Block
from rag.text.structure import parser


def blocks(text: str, markup: Markup) -> list[Block]:
    return parser(markup)(text, 0, len(text), ())


def headings(text: str, markup: Markup) -> list[tuple[int, str]]:
    return [(block.level, block.title) for block in blocks(text, markup) if block.kind == "heading"]


def kinds(text: str, markup: Markup) -> list[tuple[str, str]]:
    return [(block.kind, text[block.start : block.end]) for block in blocks(text, markup)]


RST = """\
=============
Harbour guide
=============

:Author: Mia Lind

Winches
=======

A `winch`_ hauls. This says::

   Not a heading
   =============

Parts
-----

- a drum
- a pawl

.. code-block:: python

   class Winch:
       pass

   # still code

.. note:: Grease it.

   Twice a year.

锚
==

.. toctree::

   anchors
"""


def test_rst_headings_have_the_level_in_which_their_adornment_came_up() -> None:
    assert headings(RST, "rst") == [(1, "Harbour guide"), (2, "Winches"), (3, "Parts"), (2, "锚")]


def test_rst_literal_blocks_and_directives_are_code_but_notes_are_text() -> None:
    found = {text: kind for kind, text in kinds(RST, "rst")}
    assert found["   Not a heading\n   ============="] == "code"
    assert found[".. code-block:: python\n\n   class Winch:\n       pass\n\n   # still code"] == "code"
    assert found[".. toctree::\n\n   anchors"] == "code"
    assert found[".. note:: Grease it."] == found["   Twice a year."] == "paragraph"
    assert (found["- a drum"], found["- a pawl"], found[":Author: Mia Lind"]) == ("item", "item", "item")


@pytest.mark.parametrize(
    "text",
    [
        "A sentence that is long\n---\n",  # shorter than its title
        "One line\nand a second\n============\n",  # within a paragraph
        "===\n\ntext\n",  # a rule
        "...\n",
        "- item\n------\n\n  - deeper\n",
    ],
)
def test_rst_lines_that_are_no_headings(text: str) -> None:
    assert [title for _, title in headings(text, "rst")] in ([], ["- item"])


def test_rst_titles_lose_their_inline_markup() -> None:
    text = "The :class:`Winch <rag.Winch>` and *its* ``pawl``\n" + "=" * 60 + "\n"
    assert headings(text, "rst") == [(1, "The Winch and its pawl")]


def test_rst_adornments_keep_their_level_across_windows() -> None:
    find = parser("rst")
    first, second = "A\n=\n\nB\n-\n\n", "C\n-\n"
    find(first + second, 0, len(first), ())
    assert find(first + second, len(first), len(first + second), ())[0].level == 2


def test_rst_tables_have_the_header_row_that_joins_the_context() -> None:
    grid = "+-----+------+\n| Pin | Load |\n+=====+======+\n| A   | 4 t  |\n+-----+------+\n"
    simple = "===  ====\nPin  Load\n===  ====\nA    4 t\nB    2 t\n===  ====\n"
    for text in (grid, simple):
        (table,) = blocks(text, "rst")
        assert table.kind == "table"
        assert table.header
        assert text[slice(*table.header)].split("\n")[0].split() in (["|", "Pin", "|", "Load", "|"], ["Pin", "Load"])
    assert kinds("+---+\n| a |\n+---+\n", "rst")[0][0] == "code"


ORG = """\
#+TITLE: Harbour
#+begin_src python
* not a heading
#+end_src
* TODO [#A] Winches :deck:
:PROPERTIES:
:ID: 7
:END:
Text *bold*
- a
- b
** The [[https://a.org][drum]]
| Pin | Load |
|-----+------|
| A   | 4 t  |
"""


def test_org_structure() -> None:
    assert headings(ORG, "org") == [(1, "Winches"), (2, "The drum")]
    found = kinds(ORG, "org")
    assert ("code", "#+begin_src python\n* not a heading\n#+end_src") in found
    assert ("code", ":PROPERTIES:\n:ID: 7\n:END:") in found
    assert ("item", "- a") in found
    table = blocks(ORG, "org")[-1]
    assert table.kind == "table"
    assert table.header
    assert ORG[slice(*table.header)].startswith("| Pin | Load |\n")


ADOC = """\
= Harbour
Mia Lind <mia@a.org>
:toc:

== Winches

// == no heading
----
== no heading
----

[options="header"]
|===
|Pin |Load
|A |4 t
|===

* a
** b

Old style
---------

text
"""


def test_asciidoc_structure() -> None:
    assert headings(ADOC, "asciidoc") == [(1, "Harbour"), (2, "Winches"), (2, "Old style")]
    found = kinds(ADOC, "asciidoc")
    assert ("code", "----\n== no heading\n----") in found
    assert ("item", "** b") in found
    (table,) = (block for block in blocks(ADOC, "asciidoc") if block.kind == "table")
    assert table.header
    assert ADOC[slice(*table.header)] == "|Pin |Load"


LATEX = r"""\documentclass{article}
\usepackage{amsmath}
\begin{document}
\section[Short]{The winch \emph{and}
its \textbf{pawl}\label{sec:w}}
% \section{a comment}
Text.
\begin{verbatim}
\section{not one}
\end{verbatim}
\subsection*{Größe {\"u}ber alles}
\begin{itemize}
\item one
\item two
\end{itemize}
"""


def test_latex_structure() -> None:
    assert headings(LATEX, "latex") == [(3, "The winch and its pawl"), (4, 'Größe "uber alles')]
    found = kinds(LATEX, "latex")
    assert ("code", "\\begin{verbatim}\n\\section{not one}\n\\end{verbatim}") in found
    assert ("item", "\\item one") in found
    assert ("rule", "\\usepackage{amsmath}") in found


@pytest.mark.parametrize("text", ["\\section{never closed", "\\section{}", "\\sectional{a}"])
def test_latex_commands_that_are_no_headings(text: str) -> None:
    assert headings(text, "latex") == []
