#!/bin/sh
# Puts GraphiQL's files beside the code that serves them: fetched once by npm, served without any other host.
set -eu

GRAPHIQL=3.9.0
REACT=18.3.1
here=$(cd "$(dirname "$0")/.." && pwd)
target="$here/gateway/transport/assets"
stamp="graphiql $GRAPHIQL, react $REACT"

[ "$(cat "$target/VERSIONS" 2>/dev/null)" = "$stamp" ] && exit 0
command -v npm >/dev/null 2>&1 || { echo "npm is not installed" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
echo '{"private": true}' > package.json
npm install --silent --no-audit --no-fund --ignore-scripts --legacy-peer-deps \
    "graphiql@$GRAPHIQL" "react@$REACT" "react-dom@$REACT" >/dev/null
mkdir -p "$target"
cp node_modules/graphiql/graphiql.min.js node_modules/graphiql/graphiql.min.css "$target/"
cp node_modules/react/umd/react.production.min.js "$target/react.min.js"
cp node_modules/react-dom/umd/react-dom.production.min.js "$target/react-dom.min.js"
cp node_modules/graphiql/LICENSE "$target/LICENSE-graphiql" 2>/dev/null || true
cp node_modules/react/LICENSE "$target/LICENSE-react"
echo "$stamp" > "$target/VERSIONS"
