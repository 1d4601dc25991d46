"""The local stack: what its components are, where they come from, how they run.

Owns processes, files and ports on this machine. It knows nothing of traces, metrics or
logs: whether telemetry really gets through is asked one layer up, in `obsdeck.diagnose`.
"""
