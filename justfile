# `just` lists the recipes.
_default:
    @just --list --unsorted

# The environment with everything for development.
env:
    python3 scripts/environment.py dev

# Formatting, lint, types, layers.
lint: env
    scripts/lint.sh

# Fast tests only.
unit: env
    .venv/bin/python -m pytest tests/unit tests/contract

# All tests, as CI runs them.
test:
    scripts/test.sh

# What observing costs, beside the peers.
overhead *args: env
    .venv/bin/uv run --quiet --isolated --no-project --with-requirements requirements/benchmarks.txt --with-editable . python benchmarks/overhead {{args}}

# Pages that follow from the code.
reference: env
    .venv/bin/python scripts/generate_reference.py

# Pin all requirements anew, with hashes and without index addresses.
lock: env
    scripts/lock.sh

up *args:
    scripts/obs/up.sh {{args}}

down *args:
    scripts/obs/down.sh {{args}}
