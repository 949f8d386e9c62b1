"""`python cli.py …` in a checkout is `rag …`."""

from rag.cli import main

main()
