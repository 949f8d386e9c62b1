"""Documents → Index: split, embed, dense, lexical, late, store.

with Writer.open(path, embedder=embedder, chunking=Chunking()) as writer:
    writer.put(document, chunks, embeddings)
    writer.put_source(source)
index = Index.open(path, embedder=embedder)
"""
