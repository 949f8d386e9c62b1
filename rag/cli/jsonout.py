"""What other programs read (docs/json.md): one object a line in a pipe, indented on a terminal; always valid JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rag.cli.escape import json_safe
from rag.corpus.ledger import fix_of
from rag.datatypes import Answer, Citation, Hit, Source, Suspicion
from rag.text.context import continued_header
from rag.text.suspicion import suspicions

if TYPE_CHECKING:
    from rag.generation.compare import Comparison
    from rag.retrieval.explain import Explanation
    from rag.retrieval.near_duplicates import NearDuplicates

Shown = Callable[[str], str]  # a location → the form that opens from the current folder


def write_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Write `value` to stdout. Raises ValueError for a number that JSON cannot hold."""
    encoded = json.dumps(value, ensure_ascii=False, allow_nan=False, indent=2 if sys.stdout.isatty() else None)
    sys.stdout.write(json_safe(encoded) + "\n")


def hit_object(rank: int, hit: Hit, shown: Shown) -> dict[str, Any]:
    """A hit of `rag search` and `rag ask`; `rank` counts from 1."""
    return {
        "rank": rank,
        "score": hit.score,
        "scores": dataclasses.asdict(hit.scores),
        "chunk": hit.chunk.id,
        "document": hit.chunk.document,
        "source": shown(hit.source),
        "copies": [shown(copy) for copy in hit.copies],
        "alike": [
            {"source": shown(each.source), "start": each.start, "end": each.end, "date": each.date or None}
            for each in hit.alike
        ],
        "date": hit.date or None,
        "newest": hit.newest,
        "start": hit.start,
        "end": hit.end,
        "page": hit.page,
        "place": hit.place or None,
        "heading": list(hit.chunk.heading),
        "table_header": continued_header(hit) or None,
        "text": hit.text,
        "suspicious": [suspicion_object(each, shown) for each in suspicions([hit])],
    }


def hit_objects(hits: Sequence[Hit], shown: Shown) -> list[dict[str, Any]]:
    """All hits, in their order."""
    return [hit_object(rank, hit, shown) for rank, hit in enumerate(hits, 1)]


def duplicates_object(group: NearDuplicates, places: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """A group of `rag duplicates`; `places` has the sources of each document, as they are shown."""
    alike = [{"document": name, "sources": list(places[name]), "share": share} for name, share in group.others]
    return {"document": group.document, "sources": list(places[group.document]), "alike": alike}


def explanation_object(why: Explanation) -> dict[str, Any]:
    """What `--explain` adds to a hit."""
    return {
        "words": [{"term": each.term, "idf": each.idf, "held": each.held} for each in why.words],
        "tokens": [{"asked": each.asked, "found": each.found, "cosine": each.cosine} for each in why.tokens],
    }


def citation_object(citation: Citation, shown: Shown) -> dict[str, Any]:
    """A citation of `rag ask`."""
    return {
        "number": citation.number,
        "source": shown(citation.source),
        "start": citation.start,
        "end": citation.end,
        "page": citation.page,
        "place": citation.place or None,
        "quote": citation.quote,
        "table_header": citation.table_header or None,
        "chunk": citation.chunk,
    }


def suspicion_object(suspicion: Suspicion, shown: Shown) -> dict[str, Any]:
    """Where a document addresses a machine, and what tells it."""
    return {**dataclasses.asdict(suspicion), "source": shown(suspicion.source)}


def answer_object(answer: Answer, shown: Shown) -> dict[str, Any]:
    """What `rag ask` gives."""
    return {
        "question": answer.question,
        "answered": answer.answered,
        "mode": answer.mode,
        "text": answer.text,
        "sentences": [
            {"text": each.text, "citations": list(each.citations), "supported": each.supported}
            for each in answer.sentences
        ],
        "citations": [citation_object(each, shown) for each in answer.citations],
        "confidence": answer.confidence,
        "dropped": list(answer.dropped),
        "conflicts": [{"text": each.text, **dataclasses.asdict(each)} for each in answer.conflicts],
        "omitted": list(answer.omitted),
        "completeness": answer.completeness or None,
        "suspicious": [suspicion_object(each, shown) for each in answer.suspicious],
        "invisible": answer.invisible,
        "hits": hit_objects(answer.hits, shown),
        "model": answer.model,
        "prompt": answer.prompt or None,
        "reasoning": answer.reasoning or None,
        "tokens": {"prompt": answer.prompt_tokens, "completion": answer.completion_tokens},
        "seconds": dict(answer.seconds),
    }


def task_object(answer: Answer, shown: Shown) -> dict[str, Any]:
    """What `rag summarize` gives: the fields of an answer, null where nothing was asked or looked up."""
    unasked = {"question": answer.question or None, "confidence": None}
    return {**answer_object(answer, shown), **unasked}


def comparison_object(found: Comparison, sources: Sequence[str], shown: Shown) -> dict[str, Any]:
    """What `rag compare` gives: the fields of an answer, the documents, and a line for each thing that is said."""
    lines = [{**dataclasses.asdict(line), "heading": line.heading or None} for line in found.lines]
    return {**task_object(found.answer, shown), "documents": [shown(each) for each in sources], "lines": lines}


def problem_object(source: Source, shown: Shown) -> dict[str, Any]:
    """A file that gave no document, or keeps its last good version."""
    return {
        "source": shown(source.location),
        "state": source.state.value,
        "reason": source.reason,
        "fix": fix_of(source) or None,
    }
