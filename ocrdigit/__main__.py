"""``python -m ocrdigit``: the command line."""

from .cli import main

main()
