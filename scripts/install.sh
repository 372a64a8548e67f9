#!/bin/sh
# Makes the venv and installs the gateway at the pinned versions, with its tests' and linters' tools unless TOOLS=none. Idempotent.
set -eu
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
TOOLS=${TOOLS:-all}

"$PYTHON" - <<'PY' || exit 1
import sys
if sys.version_info < (3, 11):
    sys.exit(f"The gateway needs Python 3.11 or later; this is {sys.version.split()[0]}. Set PYTHON=python3.x.")
PY
if [ ! -x "$VENV/bin/python" ]; then
    "$PYTHON" -m venv "$VENV" 2>/dev/null || {
        echo "Python's venv module is missing: apt-get install python3-venv" >&2
        exit 1
    }
fi
echo "Installing into $VENV …"
"$VENV/bin/python" -m pip install -q --disable-pip-version-check "pip>=25.1"
if [ "$TOOLS" = none ]; then
    groups=
else
    groups="--group test --group lint"
fi
# shellcheck disable=SC2086 # several words
"$VENV/bin/python" -m pip install -q --disable-pip-version-check -c constraints.txt -e . $groups
sh scripts/graphiql.sh || echo "GraphiQL is not installed (npm is missing or failed); the gateway serves without it." >&2
