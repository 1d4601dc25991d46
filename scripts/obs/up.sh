#!/bin/sh
# Make the environment, then bring the stack up: everything after the script's name goes to `obsdeck up`.
set -eu
cd "$(dirname "$0")/../.."
. scripts/obs/find-python.sh
case " $* " in
  *" --offline "*) "$PYTHON" scripts/environment.py stack --offline ;;
  *) "$PYTHON" scripts/environment.py stack ;;
esac
exec .venv/bin/obsdeck up "$@"
