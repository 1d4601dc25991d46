#!/bin/sh
# Pin all requirements with hashes, for every platform, without writing down where they came from.
set -eu
cd "$(dirname "$0")/.."
lock() {
  out=$1
  shift
  .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
    --no-annotate --no-emit-index-url --upgrade --output-file "requirements/$out" "$@"
}
lock stack.txt pyproject.toml --extra stack requirements/build.in
lock dev.txt pyproject.toml --extra stack --extra all --group dev requirements/build.in -c requirements/stack.txt
lock benchmarks.txt pyproject.toml --group benchmarks requirements/build.in -c requirements/dev.txt
