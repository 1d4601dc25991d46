#!/bin/sh
# Formatting, lint, types, layers, shell: silent but for faults and one line at the end.
set -eu
cd "$(dirname "$0")/.."
bin=.venv/bin
"$bin/ruff" format --check --quiet .
"$bin/ruff" check --quiet .
"$bin/mypy" --no-error-summary
"$bin/lint-imports" --no-logo >/dev/null || "$bin/lint-imports"
"$bin/shellcheck" --shell sh scripts/*.sh scripts/obs/*.sh ops/observability/*/*.sh
echo "lint: clean"
