"""`python -m obsdeck`: the same as the `obsdeck` command."""

from obsdeck.cli import main

main()
