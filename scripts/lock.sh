#!/bin/sh
# Writes what the image installs, each file by its hash: deploy/image/runtime.txt and build.txt, at the versions of constraints.txt.
set -eu
BIN=$(cd "${VENV:-.venv}/bin" && pwd)
cd "$(dirname "$0")/.."
"$BIN/python" -m venv var/lock
var/lock/bin/pip install -q --disable-pip-version-check "pip-tools>=7.6"
lock() {
    var/lock/bin/pip-compile -q --upgrade --generate-hashes --allow-unsafe --strip-extras --no-annotate --no-header \
        --no-emit-index-url --no-emit-trusted-host --no-emit-find-links "$@"
}
lock --extra http2 --extra redis --extra flags -c constraints.txt -o deploy/image/runtime.txt pyproject.toml deploy/image/more.in
lock -c constraints.txt -o deploy/image/build.txt deploy/image/build.in
