#!/usr/bin/env bash
# The message log survives: the time-stamping service away, a disk that fills up, a clock that jumps. Nothing that was
# acknowledged is lost, and each limit refuses with a clear error and ends by itself.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 12)
country=$work/made/country
mkdir "$work/made"
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$pid"
stop "$pid"

# survives WHAT MORE...: on a country of its own; then every container is verified with the parameters that the node gives.
survives() {
  local what=$1 here=$work/$1/country
  shift
  "$python" "$lib/survive.py" "$here" "$port" "$what" "$@" || { show "$here/ollantaytambo.log"; fail "$what"; }
  ! grep -l panicked "$here"/*.log || fail "something panicked"
  "$python" - "$work/$what/kept" <<'PYTHON'
import pathlib, sys, zipfile
kept = pathlib.Path(sys.argv[1])
for archive in kept.glob("LOG-*.zip"):
    zipfile.ZipFile(archive).extractall(kept)
zipfile.ZipFile(kept / "conf.zip").extractall(kept)
PYTHON
  "$tambo" verify "$work/$what/kept"/*.asice --conf "$work/$what/kept/verificationconf" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "$what: a container does not prove itself"; }
  "$tambo" check --config "$here/ollantaytambo/settings.toml" --brief --deep >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "$what: check"; }
  ok "$what: $(find "$work/$what/kept" -name '*.asice' | wc -l) containers valid, the log whole"
}

copy() { mkdir "$work/$1" && cp -a "$country" "$work/$1/"; }

copy stamps
survives stamps

# archived TIME: the message log in files that rest on each other, as if it were so much later.
archived() {
  faketime -f "$1" "$tambo" archive --config "$work/stamps/country/ollantaytambo/settings.toml" --folder "$work/archive" --older-than 0 >"$work/archive.log" 2>&1 ||
    { show "$work/archive.log"; fail "archive"; }
}
if has faketime; then
  # In turns that go on where the last one ended, each in a file that rests on the one before.
  for later in +80s +95s +110s +30m; do archived "$later"; done
  "$python" "$lib/links.py" "$work/archive" || fail "the linking digests do not follow by hand"
  conf=$work/stamps/kept/verificationconf
  "$tambo" verify archive "$work/archive" --conf "$conf" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "the archives do not prove themselves"; }
  "$python" "$lib/links.py" "$work/archive" without-one "$work/shorter"
  refused 'is not both listed and there' "$tambo" verify archive "$work/shorter" --conf "$conf"
  "$python" "$lib/links.py" "$work/archive" without-one-listed "$work/forged"
  refused 'was changed, moved, added or follows one that was|does not follow' "$tambo" verify archive "$work/forged" --conf "$conf"
  ok "$(find "$work/archive" -name '*.zip' | wc -l) archives rest on each other; a container that is taken out is found, in the list or not"
else not_run "archives of stamped messages: faketime is not installed"; fi

# X-Road's own archives: the test data of its archive verifier, if they are at hand.
others=$root/../shared/fixtures/xroad/logarchive
if [ -d "$others" ]; then
  "$tambo" verify archive "$others" >"$work/verify.log" 2>&1 || true
  [ "$(grep -c 'every link over .* holds' "$work/verify.log")" -ge 2 ] || { show "$work/verify.log"; fail "X-Road's own archives"; }
  "$python" "$lib/links.py" "$others" || fail "X-Road's linking digests do not follow by hand"
else not_run "X-Road's own archives: they are not at hand"; fi

copy disk
mkdir "$work/disk/country/ollantaytambo/small"
if mount -t tmpfs -o size=60m tmpfs "$work/disk/country/ollantaytambo/small" 2>/dev/null; then
  mounts+=("$work/disk/country/ollantaytambo/small")
  survives disk
else not_run "a disk that fills up: no small file system can be mounted here"; fi

library=$(find /usr/lib -name libfaketimeMT.so.1 2>/dev/null | head -n 1)
if [ -n "$library" ]; then
  copy clock
  survives clock "$library"
else not_run "a clock that jumps: faketime is not installed"; fi
