#!/bin/sh
# Puts the clients `graphql-ws` and `graphql-sse`, which run in the tests, into var/; by npm, once.
set -eu

GRAPHQL_WS=6.4.2
GRAPHQL_SSE=2.6.1
GRAPHQL=16.15.0
WS=8.18.3
here=$(cd "$(dirname "$0")/.." && pwd)
target="$here/var/stream-clients"
# Test processes side by side want the same: one installs, the others wait.
mkdir -p "$here/var"
exec 9> "$here/var/npm.lock"
flock 9
stamp="graphql-ws $GRAPHQL_WS, graphql-sse $GRAPHQL_SSE, graphql $GRAPHQL, ws $WS"

[ "$(cat "$target/VERSIONS" 2>/dev/null)" = "$stamp" ] && exit 0
command -v npm >/dev/null 2>&1 || { echo "npm is not installed" >&2; exit 1; }

mkdir -p "$target"
cd "$target"
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
    "graphql-ws@$GRAPHQL_WS" "graphql-sse@$GRAPHQL_SSE" "graphql@$GRAPHQL" "ws@$WS" >/dev/null
echo "$stamp" > VERSIONS
