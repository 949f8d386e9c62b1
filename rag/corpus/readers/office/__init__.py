"""Texts, slides, spreadsheets and e-books of office programs."""
