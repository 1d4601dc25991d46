"""One trace, explained: its spans, what its duration was made of, and what logs and metrics say beside it."""
