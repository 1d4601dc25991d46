"""The embedded trace store: a stand-in for Tempo on one developer's machine.

OTLP/HTTP comes in, SQLite files on disk keep it, Tempo's HTTP API gives it out, so that
everything that talks to Tempo talks to this. Run it with ``python -m obsdeck.tracestore``.

The modules, from the wire to the answer::

    otlp      what arrives: bodies -> validated spans
    block     one SQLite file with the spans of some time
    writer    the newest block, open for adding spans
    files     the blocks of a directory: names, order, what is set aside
    store     the blocks together: one writer, many readers, retention
    model     a span and a trace as queries see them
    traces    whole traces out of the blocks
    traceql/  the query language: text -> syntax tree -> SQL for candidates -> exact matches
    search    queries over the blocks
    tags      attribute names and values over the blocks
    api/      Tempo's HTTP API
"""
