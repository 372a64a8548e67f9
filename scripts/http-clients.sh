#!/bin/sh
# Puts the clients whose requests over HTTP are tested into var/; by npm, once.
set -eu

VERSIONS="@apollo/client@4.3.8 rxjs@7.8.2 graphql@16.15.0 @urql/core@6.0.3 @urql/exchange-persisted@5.0.1 graphql-request@7.4.0 relay-runtime@21.0.1"
here=$(cd "$(dirname "$0")/.." && pwd)
target="$here/var/http-clients"
# Test processes side by side want the same: one installs, the others wait.
mkdir -p "$here/var"
exec 9> "$here/var/npm.lock"
flock 9

[ "$(cat "$target/VERSIONS" 2>/dev/null)" = "$VERSIONS" ] && exit 0
command -v npm >/dev/null 2>&1 || { echo "npm is not installed" >&2; exit 1; }

mkdir -p "$target"
cd "$target"
echo '{"private": true, "type": "module"}' > package.json
# shellcheck disable=SC2086 # one word each
npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps $VERSIONS >/dev/null
echo "$VERSIONS" > VERSIONS
