"""A folder for PYTHONPATH: every Python that starts with it on its path instruments its FastAPI apps.

`obsdeck run` puts it there. A path in the environment reaches what a flag or a wrapper does not: workers,
reloaders and whatever else the command starts.
"""
