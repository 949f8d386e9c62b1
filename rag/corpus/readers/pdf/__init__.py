"""PDF: words with their places → columns, tables, headings, page by page."""
