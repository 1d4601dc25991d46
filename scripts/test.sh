#!/bin/sh
# All tests, the fast ones first. What is left out is said in one line each, with the reason.
set -eu
cd "$(dirname "$0")/.."
. scripts/obs/find-python.sh
"$PYTHON" scripts/environment.py dev
scripts/lint.sh
.venv/bin/obsdeck install collector prometheus loki alertmanager
# The fast ones first; arguments (a path, -k, -x) take the place of the whole.
[ $# -gt 0 ] || set -- tests/unit tests/contract tests/stack tests/docker
exec .venv/bin/python -m pytest -q "$@"
