"""Bytes of text → text: which encoding it is, and when nobody can tell."""
