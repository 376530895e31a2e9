# What every system test shares; sourced, never run. Read it first.
#
# A test sources this, works in $work (removed at the end), and ends with a status other than 0 on the first failure.
# What can't be done here says 'not run: <why>' on a line of its own. Nothing but its own processes is ever stopped.

set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
absolute() { case $1 in /*) echo "$1" ;; *) echo "$root/$1" ;; esac; }
tambo=$(absolute "${TAMBO_BIN:-target/release/tambo}")
tools=$(absolute "${TAMBO_TOOLS:-.tools/venv}")
python=$tools/bin/python
lib=$root/tests/system/lib
oracles=$root/tests/oracles
work=$(mktemp -d "${TMPDIR:-/tmp}/tambo-test.XXXXXX")
started=()
mounts=()

tidy_up() {
  local status=$? id place
  for id in "${started[@]:-}"; do [ -n "$id" ] && kill -KILL "$id" 2>/dev/null && wait "$id" 2>/dev/null || true; done
  for place in "${mounts[@]:-}"; do [ -n "$place" ] && { umount "$place" || umount -l "$place"; }; done
  if [ "$status" -ne 0 ] && [ -n "${TAMBO_KEEP:-}" ]; then echo "kept: $work"; else rm -rf "$work"; fi
  return "$status"
}
trap tidy_up EXIT
trap 'exit 130' INT TERM

[ -x "$tambo" ] || { echo "no program at $tambo: cargo build --release, or name it in TAMBO_BIN"; exit 1; }
[ -x "$python" ] || python=$(command -v python3) || { echo "not run: no Python"; exit 0; }
export RUST_BACKTRACE=0 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$lib:$oracles TAMBO_TESTED=$tambo NO_PROXY='*' no_proxy='*'
# A test must not be steered by the settings of whoever runs it.
unset TAMBO_CONFIG TAMBO_LOG TAMBO_LOG_JSON TAMBO_KEYS_PASSPHRASE

not_run() { echo "not run: $*"; }
fail() { echo "FAILED: $*"; exit 1; }
show() { tail -n 60 "$1"; }
has() { command -v "$1" >/dev/null 2>&1 || [ -x "$tools/bin/$1" ]; }
now_ms() { date +%s%3N; }
ok() { printf 'ok   %s\n' "$*"; }

# refused TEXT COMMAND...: the command must fail, by a status of its own (not a signal), and say TEXT (an extended regular expression).
refused() {
  local text=$1 status=0; shift
  "$@" >"$work/refused.log" 2>&1 || status=$?
  [ "$status" -ne 0 ] || { show "$work/refused.log"; fail "was not refused: $*"; }
  [ "$status" -lt 124 ] || { show "$work/refused.log"; fail "ended by a signal or in disorder ($status): $*"; }
  grep -Eq -- "$text" "$work/refused.log" || { show "$work/refused.log"; fail "does not say '$text': $*"; }
}

# free_ports COUNT: the first of COUNT free ports in a row, away from those the system gives out by itself.
free_ports() { "$python" "$lib/ports.py" "$1"; }

# start LOG COMMAND...: runs it in the background; its id is in $pid.
start() {
  local log=$1; shift
  "$@" >"$log" 2>&1 &
  pid=$!
  started+=("$pid")
}

# forget ID: it has ended and its id may be given to another process.
forget() { local id kept=(); for id in "${started[@]}"; do [ "$id" = "$1" ] || kept+=("$id"); done; started=("${kept[@]:-}"); }

# until_up URL LOG ID: waits until the address answers or the process has ended.
until_up() {
  local turn
  for turn in $(seq 300); do
    curl -fsS -o "$work/up" "$1" 2>/dev/null && return 0
    kill -0 "$3" 2>/dev/null || { show "$2"; fail "ended before $1 answered (turn $turn)"; }
    sleep 0.1
  done
  show "$2"
  curl -sS "$1" | head -c 2000 || true
  fail "$1 did not answer within 30 s"
}

# stop ID: SIGTERM, and its status must be 0 within 30 s.
stop() {
  local status=0 turn
  kill -TERM "$1"
  for turn in $(seq 300); do
    kill -0 "$1" 2>/dev/null || break
    sleep 0.1
  done
  [ "$turn" -lt 300 ] || fail "process $1 did not stop within 30 s of SIGTERM"
  wait "$1" || status=$?
  forget "$1"
  [ "$status" -eq 0 ] || fail "process $1 ended with $status after SIGTERM"
}
