"""Words in, one call, words out: the `rag` command.

Reading order: `app` (the commands), `answering`, `indexing`, `measuring`, `setup` (one function each: parse, one call,
print), `parts` (settings → embedder, retriever, generator), then `render` and `jsonout` (how it looks), `exits` (how it
ends), `escape` and `sources` (what may be shown, and how places are named).
"""

from rag.cli.app import main

__all__ = ["main"]
