#!/usr/bin/env bash
# The citizen's and the official's journeys in a real Chromium, by keyboard, with and without script, with a virtual
# authenticator, in Spanish and Quechua; axe on every page; bytes on the wire.
set -eu
cd "$(dirname "$0")/../.."
tambo=${TAMBO_BIN:-target/release/tambo}
command -v node >/dev/null || { echo "not run: browser journeys, because node is missing"; exit 0; }
[ -x "${TAMBO_CHROMIUM:-/usr/bin/chromium}" ] || { echo "not run: browser journeys, because Chromium is missing"; exit 0; }
[ -d .tools/node/node_modules/playwright-core ] || { echo "not run: browser journeys, because playwright-core is missing"; exit 0; }
data=$(mktemp -d)
cleanup() { [ -n "${pid:-}" ] && kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null; rm -rf "$data"; }
trap cleanup EXIT
"$tambo" demo --data "$data/country" >"$data/out" 2>&1 &
pid=$!
for _ in $(seq 100); do grep -q 'who is who' "$data/out" && break; sleep 0.2; done
base=$(grep -o 'http://localhost:[0-9]*' "$data/out" | head -n 1)
TAMBO_BASE=$base node tests/browser/run.mjs
