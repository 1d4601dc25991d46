#!/bin/sh
# Stop the stack; data stays. Everything after the script's name goes to `obsdeck down`.
set -eu
cd "$(dirname "$0")/../.."
if [ ! -x .venv/bin/obsdeck ]; then
  echo "nothing was up: there is no environment in $PWD/.venv" >&2
  exit 0
fi
exec .venv/bin/obsdeck down "$@"
