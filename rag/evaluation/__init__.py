"""Corpus + judgements → figures with confidence intervals.

Reading order: `run` (the path), `dataset` (BEIR's folder form), `metrics` (retrieval), `answers` (answers), `build`
(the index in the user's cache).
"""
