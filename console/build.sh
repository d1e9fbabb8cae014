#!/bin/sh
# Build the console into the server's package, unless it was built from these very sources.
set -eu
cd "$(dirname "$0")"
built=../src/sagewright/edge/console/built

sources=$(find src -type f | LC_ALL=C sort)
# shellcheck disable=SC2086 # names without spaces
made_of=$(cat package-lock.json package.json index.html tsconfig.json vite.config.ts compress.mjs $sources | cksum)
[ "$(cat $built/.stamp 2>/dev/null)" = "$made_of" ] && exit 0
if ! command -v npm >/dev/null 2>&1; then
    echo "the console is built with Node.js 20 or newer and npm, which are not here" >&2
    exit 1
fi
locked=$(cat package-lock.json package.json | cksum)
if [ "$(cat node_modules/.stamp 2>/dev/null)" != "$locked" ]; then
    npm ci --silent --ignore-scripts
    echo "$locked" >node_modules/.stamp
fi
npm run --silent build
echo "$made_of" >$built/.stamp
