"""``python -m ocrdigit``: the command line interface."""

from .cli import main

main()
