"""What runs inside a user's service: traces, metrics and logs of a FastAPI app, by OpenTelemetry.

    settings    what can be set, and what was
    resource    who is speaking: the service's name, instance and environment
    providers   the three OpenTelemetry providers and the parts that export from them
    route       which template served a request
    context     what travels with a request besides its span
    stack       stacks of exceptions that fit into an attribute
    exchange    one request on its way
    guard       under one prefix an app is only read
    middleware  one server span and one duration per request
    scrape      the `/metrics` page
    page        ... as a route, whatever there is to show
    fence       ... of metrics that its exporter can show
    workers     whether this process is one of several
    logs        records of the standard library, with trace ids, by OTLP
    bridges     events of structlog and loguru, the same way
    quieted     what OpenTelemetry says of itself, once a minute
    console     the same records as JSON or text lines, if asked for
    redaction   secrets in URLs are not exported
    shutdown    nothing recorded is lost, and nothing waits for ever
    handles     what an application counts, traces and logs with
    instrument  puts them together
    bootstrap   ... in services that do not call it, for `obsdeck run`

Nothing here imports the stack or the command line: a service carries neither.
"""
