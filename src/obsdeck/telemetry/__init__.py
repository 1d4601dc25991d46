"""What runs inside a user's service: traces, metrics and logs of a FastAPI app, by OpenTelemetry.

    settings    what can be set, and what was
    values      ... read from text
    resource    who is speaking: the service's name, instance and environment
    providers   the three OpenTelemetry providers and the parts that export from them
    encoding    ... spans as OTLP, when they end
    exporters   what sends to the receiver
    tally       ... how much of it was lost
    session     ... by which connections, and what it takes for an answer
    fork        what a forked child must not keep of its parent
    route       which template served a request
    context     what travels with a request besides its span
    plain       values that can be exported, whatever they were
    exception   ... and what an exception says
    spans       the server span of a request
    durations   ... and how long all of them took
    exchange    one request on its way
    guard       under one prefix an app is only read
    middleware  one server span and one duration per request
    scrape      the `/metrics` page
    page        ... as a route, whatever there is to show
    fence       ... of metrics that its exporter can show
    libraries   calls that a service makes: HTTP clients and databases
    runtime     the process and the Python in it
    process     ... what the system says of it
    event_loop  ... how late its event loop is
    workers     whether this process is one of several
    logs        records of the standard library, with trace ids, by OTLP
    bridges     events of structlog and loguru, the same way
    quieted     what OpenTelemetry says of itself, once a minute
    console     the same records as JSON or text lines, if asked for
    redaction   secrets are not exported, nor written to the console
    shutdown    nothing recorded is lost, and nothing waits for ever
    handles     what an application counts, traces and logs with
    connection  what the apps of one process share
    instrument  puts an app and it together
    bootstrap   ... in services that do not call it, for `obsdeck run`

Nothing here imports the stack or the command line: a service carries neither.
"""
