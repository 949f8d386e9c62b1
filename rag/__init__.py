"""Local retrieval-augmented generation whose answers can be checked."""
