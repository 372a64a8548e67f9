#!/bin/sh
# Puts the `graphql-http` package, whose audits of GraphQL over HTTP run in the tests, into var/; by npm, once.
set -eu

GRAPHQL_HTTP=1.23.1
GRAPHQL=16.15.0
here=$(cd "$(dirname "$0")/.." && pwd)
target="$here/var/audits"
# Test processes side by side want the same: one installs, the others wait.
mkdir -p "$here/var"
exec 9> "$here/var/npm.lock"
flock 9
stamp="graphql-http $GRAPHQL_HTTP, graphql $GRAPHQL"

[ "$(cat "$target/VERSIONS" 2>/dev/null)" = "$stamp" ] && exit 0
command -v npm >/dev/null 2>&1 || { echo "npm is not installed" >&2; exit 1; }

mkdir -p "$target"
cd "$target"
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
    "graphql-http@$GRAPHQL_HTTP" "graphql@$GRAPHQL" >/dev/null
echo "$stamp" > VERSIONS
