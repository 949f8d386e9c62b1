"""question → Hits: candidates of every leg, fused, reranked, with their sources.

Reading order: `retriever` (the path), `candidates` (what is looked at), `fuse` (the formula), `dress` (candidates to
hits), `others` (keyword search, related documents), `explain` (why a hit was found).
"""
