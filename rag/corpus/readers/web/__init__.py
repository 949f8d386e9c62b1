"""Web pages: what is the text of a page, and what stands around it."""
