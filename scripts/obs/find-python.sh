# Sourced: sets PYTHON to the first Python 3.11 or newer, or ends with exit code 3.
find_python() {
  for PYTHON in "${PYTHON:-}" python3 python3.14 python3.13 python3.12 python3.11; do
    [ -n "$PYTHON" ] || continue
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && return 0
  done
  echo "error: Python 3.11 or newer is needed, and none is on PATH" >&2
  echo "hint: install it, or name it: PYTHON=/path/to/python3.12 $0" >&2
  exit 3
}
find_python
