#!/bin/sh
# What the platform tests need beside the venv of `make install`: Debian packages (root or sudo) and the platform group.
set -eu
cd "$(dirname "$0")/../.."
VENV=${VENV:-.venv}
sh scripts/system-packages.sh php wrk haproxy prometheus alertmanager buildah mmdebstrap kubectl
"$VENV/bin/python" -m pip install -q --disable-pip-version-check -c constraints.txt --group platform
