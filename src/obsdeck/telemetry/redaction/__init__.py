"""Secrets stay in the process: what is exported, and what is written to the console, is scrubbed on its way.

rules      which names are secret, and what is set about it
patterns   how secrets look in a text
redactor   texts, values and attributes without them
batches    spans and log records, in the exporter's thread, right before they are encoded
series     metrics, the same way, and the page of them
pipeline   ... put in front of an exporter
"""
