"""Tempo's HTTP API over the store."""
