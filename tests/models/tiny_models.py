"""Tiny random language models of every kind, made in a second and saved in the hub's layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.datatypes import Message

CHAT = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
MESSAGES = [Message("system", "Answer from the notes."), Message("user", "Wie hoch ist die Brücke? 桥有多高?")]
KINDS = ("llama", "gpt2", "t5")


def tokenizer(folder: Path, *, chat_template: str | None = None, ends_with_eos: bool = False) -> Any:
    """A byte-level tokenizer of 320 tokens."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=320, special_tokens=special, initial_alphabet=alphabet)
    bpe.train_from_iterator(["the bridge is 96 m high and the tower is higher than the bridge"] * 4, trainer)
    if ends_with_eos:
        bpe.post_processor = processors.TemplateProcessing(
            single="$A <|endoftext|>", special_tokens=[("<|endoftext|>", bpe.token_to_id("<|endoftext|>"))]
        )
    end = "<|im_end|>" if chat_template else "<|endoftext|>"
    make: Any = PreTrainedTokenizerFast  # untyped
    fast = make(tokenizer_object=bpe, eos_token=end, pad_token="<|endoftext|>")
    if chat_template:
        fast.chat_template = chat_template
    fast.save_pretrained(folder)
    return fast


def make_model(kind: str, folder: Path, *, width: int = 32) -> Path:
    """A folder in the hub's layout with a random model of this kind; `width` is a llama's hidden size."""
    import torch
    import transformers

    torch.manual_seed(7)
    words = len(tokenizer(folder, chat_template=CHAT if kind == "llama" else None, ends_with_eos=kind == "t5"))
    t5_config: Any = transformers.T5Config  # takes more than it declares
    # Weights this large make the choice of tokens vary, bytes that are no characters included.
    configs: dict[str, Callable[[], Any]] = {
        "llama": lambda: transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=words, hidden_size=width, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
                num_key_value_heads=2, max_position_embeddings=256, initializer_range=0.7, eos_token_id=2,
            )
        ),
        "gpt2": lambda: transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                vocab_size=words, n_embd=32, n_layer=2, n_head=4, n_positions=256, initializer_range=0.7,
                bos_token_id=0, eos_token_id=0,
            )
        ),
        "t5": lambda: transformers.T5ForConditionalGeneration(
            t5_config(
                vocab_size=words, d_model=32, d_kv=8, d_ff=64, num_layers=2, num_heads=4, n_positions=256,
                initializer_factor=4.0, decoder_start_token_id=0, eos_token_id=0, pad_token_id=0,
            )
        ),
    }  # fmt: skip
    configs[kind]().save_pretrained(folder)
    return folder
