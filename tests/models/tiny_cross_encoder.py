"""Tiny random cross-encoders, saved as the hub has them: a BERT that scores pairs, a language model that says yes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *"abcdefghijklmnopqrstuvwxyz",
    *("pump", "oil", "ferry", "the", ":", "##s", "##il"),
]
MAX_TOKENS = 32


def make_cross_encoder(folder: Path, *, labels: int = 1, kind: str = "BertForSequenceClassification") -> Path:
    """A folder with a BERT of two layers and 32 tokens; weights this large make its scores differ."""
    import torch
    import transformers

    (folder / "words.txt").write_text("\n".join(WORDS))
    tokenizer = transformers.BertTokenizer(vocab=str(folder / "words.txt"), model_max_length=MAX_TOKENS)
    (folder / "words.txt").unlink()
    torch.manual_seed(3)
    make: Any = transformers.BertConfig  # takes more than it declares
    config = make(
        vocab_size=len(WORDS),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=MAX_TOKENS,
        initializer_range=0.5,
        num_labels=labels,
    )
    getattr(transformers, kind)(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_yes_no_model(language_model: Path, folder: Path) -> Path:
    """The same language model as a cross-encoder: its score is how much sooner it says one token than another."""
    from sentence_transformers import CrossEncoder
    from sentence_transformers.cross_encoder.modules import LogitScore, Transformer

    transformer: Any = Transformer(str(language_model), transformer_task="text-generation")
    CrossEncoder(modules=[transformer, LogitScore(5, 6)], device="cpu").save_pretrained(str(folder))
    return folder
