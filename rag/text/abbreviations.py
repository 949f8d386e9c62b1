"""Words whose full stop does not, or not always, end a sentence; written without their last stop."""

from __future__ import annotations


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


TITLES = _words(
    "Mr Mrs Ms Dr Prof Rev Gen Col Lt Sgt Capt Gov Sen Rep Hon Messrs St Mt Ft Ph Jan Feb Mar Apr Jun Jul Aug Sep Sept "
    "Oct Nov Dec Mon Tue Tues Wed Thu Thur Thurs Fri Hr Fr Frl Dipl Ing Mme Mlle Mgr Sra Srta Dª Ud Uds Dra Drª Exmo "
    "Exma Sig Sigg Dott Dott.ssa Prof.ssa Dhr Mevr Tel Ext Attn Dept Univ"
)
"""With a capital; what they belong to follows."""

ALWAYS = _words(
    # English
    "mr mrs dr prof vs e.g i.e eg cf viz approx esp resp incl excl assn ph.d m.sc b.sc ca "
    # German
    "z.b d.h u.a o.ä i.d.r z.t s.o s.u bzw ggf evtl inkl exkl zzgl bspw vgl hrsg mio mrd geb gest str sog v.a u.u "
    "engl allg v.chr n.chr "
    # French, Spanish, Portuguese, Italian, Dutch, Scandinavian, Finnish, Russian
    "apr.j.-c av.j.-c p.ex p.ej sr sr.a bijv d.w.z o.a m.b.t t.o.v f.eks bl.a t.ex s.k m.fl dvs tzn tzv т.е т.к т.н "
    "др ул стр руб тыс млн млрд"
)
"""Light-folded; what they belong to follows."""

BEFORE_NUMBERS = _words(
    "no nos nr nrn fig figs eq eqs sec ch chap vol p pp pg pag pág art abs kap bd num núm n v ver ref tab par bl hft "
    "sz str рис табл с"
)
"""Light-folded; these only when a number follows: «No. 5», but «Answer: no. Then»."""

SOMETIMES = _words(
    "etc inc ltd co corp llc plc jr sr usw ecc co.kg etc.pp al "
    "ft min max st ave blvd rd bros ed eds trans env ex lat tel см гг г им osv"
)
"""Light-folded; these, and initials as in «U.S.», end a sentence when a function word with a capital follows."""

ORDINAL_STOPS = _words("de da no fi hu cs pl tr et sr")
"""Languages that write «5. März»: a stop after one or two digits belongs to the number."""
