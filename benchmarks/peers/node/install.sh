#!/bin/sh
# Installs the JavaScript peers' pinned packages beside this file, where npm is present. Idempotent.
set -eu
cd "$(dirname "$0")"
if ! command -v npm >/dev/null 2>&1; then
    echo "npm is not installed: the JavaScript peers are left out."
    exit 0
fi
if [ -e node_modules/.package-lock.json ] && [ node_modules/.package-lock.json -nt package.json ]; then
    exit 0
fi
npm install --no-package-lock --loglevel=error || echo "npm failed: the JavaScript peers are left out." >&2
