"""Formats that are text: kept as they stand, or as a table or listing, with the places of rows, cells and times."""
