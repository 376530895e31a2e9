#!/usr/bin/env bash
# Large bodies: 100 MB both ways between two nodes, equal to the byte, in little memory and with no file left; and what
# happens when a body is too large, comes too slowly, breaks off, or finds no room.
. "$(dirname "$0")/lib/common.bash"

size=$((100 * 1000 * 1000)) limit=$((120 * 1024 * 1024)) grows_max_kb=$((40 * 1024))
port=$(free_ports 14)
country=$work/country plain=$((port + 10)) behind=$((port + 11))
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$pid"
for turn in $(seq 300); do grep -q 'Stop with Ctrl-C' "$work/demo.log" && break; sleep 0.1; done
stop "$pid"
office=$country/ollantaytambo registry=$country/identidad

client=PE/GOB/20999999001/TRAMITES
base=http://127.0.0.1:$plain/r1/PE/GOB/20295613620/IDENTIDAD/files
as=(-H "X-Road-Client: $client")
ask() { curl -sS --max-time 180 -D "$work/head" -o "$work/body" "$@" || fail "curl $*"; }
expect() { "$python" "$lib/expect.py" "$work" "$@" || fail "after: $told"; }
say() { [ -z "${told:-}" ] || ok "$told"; told=$*; }
error() { expect "status == ${2:-500}" "head['x-road-error'] == '$1'" "told['type'] == '$1'"; }
sum() { sha256sum | cut -d' ' -f1; }
streams() { "$python" "$lib/streams.py" "$@"; }

sed -i "s|^\[exchange\]|[exchange]\nclient_listen = \"127.0.0.1:$plain\"|" "$office/settings.toml"
printf '\n[exchange.systems.TRAMITES]\nauthentication = "http"\n' >>"$office/settings.toml"
cat >>"$registry/settings.toml" <<TOML

[exchange.services.files]
url = "http://127.0.0.1:$behind/base"
agreement = false
rights = [{ subject = "$client" }]
TOML
# bodies_up_to NODE BYTES
bodies_up_to() { sed -i "s/^message_bytes_max = .*/message_bytes_max = $2/" "$country/$1/settings.toml"; }
bodies_up_to ollantaytambo "$limit"; bodies_up_to identidad "$limit"

start "$work/provider.log" "$python" "$lib/rest_provider.py" "$behind"
provider_id=$pid
declare -A node ports=([autoridad]=1 [identidad]=2 [ollantaytambo]=0)
serve() { start "$work/$1.log" "$tambo" serve --config "$country/$1/settings.toml"; node[$1]=$pid; until_up "http://127.0.0.1:$((port + ports[$1]))/health" "$work/$1.log" "$pid"; }
for one in autoridad identidad ollantaytambo; do serve "$one"; done
until_up "http://127.0.0.1:$behind/base/empty" "$work/provider.log" "$provider_id"

# Large bodies lie in files without names, which a process still holds open: that is where they can be counted.
held() { find "/proc/${node[$1]}/fd" -lname "$country/$1/spool/*" 2>/dev/null | wc -l; }
none_held() {
  local one turn
  for one in identidad ollantaytambo; do
    for turn in $(seq 50); do [ "$(held "$one")" -ne 0 ] || break; sleep 0.1; done
    [ "$(held "$one")" -eq 0 ] || fail "$one still holds a body (turn $turn)"
    [ -z "$(find "$country/$one/spool" -mindepth 1 2>/dev/null)" ] || fail "$one left a file in its spool"
  done
}
memory() { awk -v field="$2:" '$1 == field {print $2}' "/proc/${node[$1]}/status"; }
# questions NODE: how many questions its journal holds, and how many of them are open.
questions() { streams questions "$country/$1"; }

say "a small body makes no file and no folder"
for turn in 1 2 3; do ask -X POST "${as[@]}" "$base/echo" --data-binary "hola $turn"; expect "status == 200" "told['bytes'] == 6"; done
for one in identidad ollantaytambo; do [ ! -e "$country/$one/spool" ] || fail "$one made its spool for a small body"; done

say "$((size / 1000000)) MB pass both ways, equal to the byte, and memory stays flat"
streams noise "$size" >"$work/large"
sent=$(sum <"$work/large")
declare -A before
for one in identidad ollantaytambo; do echo 5 >"/proc/${node[$one]}/clear_refs"; before[$one]=$(memory "$one" VmRSS); done
began=$(now_ms)
ask -X POST "${as[@]}" "$base/echo" -H 'X-Road-Id: large-1' -H 'Expect:' --data-binary "@$work/large"
expect "status == 200" "told['bytes'] == $size" "told['sha256'] == '$sent'"
up=$(($(now_ms) - began)) began=$(now_ms)
ask "${as[@]}" "$base/noise/$size" -H 'X-Road-Id: large-2'
expect "status == 200" "len(body) == $size"
[ "$(sum <"$work/body")" = "$sent" ] || fail "the answer is another"
down=$(($(now_ms) - began))
for one in identidad ollantaytambo; do
  grown=$(($(memory "$one" VmHWM) - before[$one]))
  [ "$grown" -lt "$grows_max_kb" ] || fail "$one grew by $grown kB"
  echo "     $one: ${before[$one]} kB before, at most $((before[$one] + grown)) kB during"
done
echo "     asked in $up ms, answered in $down ms"
none_held

say "of a body over logged_bytes_max the digest under signature is kept, of one below the body itself"
head -c 9000000 "$work/large" >"$work/kept"
ask -X POST "${as[@]}" "$base/echo" -H 'X-Road-Id: kept-1' --data-binary "@$work/kept"
expect "status == 200" "told['bytes'] == 9000000"
asic() { ask "http://127.0.0.1:$plain/asic?queryId=$1&xRoadInstance=PE&memberClass=GOB&memberCode=20999999001&subsystemCode=TRAMITES&$2&unique&force"; expect "status == 200"; cp "$work/body" "$work/$1-$2.asice"; }
asic large-1 requestOnly; asic large-2 responseOnly; asic kept-1 requestOnly
ask "http://127.0.0.1:$plain/verificationconf"; cp "$work/body" "$work/conf.zip"
for one in large-1-requestOnly large-2-responseOnly; do
  if unzip -l "$work/$one.asice" | grep -q attachment; then fail "$one holds the body"; fi
done
unzip -p "$work/kept-1-requestOnly.asice" attachment1 | cmp - "$work/kept" || fail "the body that was kept"
"$tambo" verify "$work/kept-1-requestOnly.asice" --conf "$work/conf.zip" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "verifying what was kept"; }
"$tambo" verify "$work/large-1-requestOnly.asice" --conf "$work/conf.zip" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "verifying a digest"; }
digest=$(openssl dgst -sha512 -binary "$work/large" | base64 -w0)
grep -qF "/attachment1 (by digest $digest)" "$work/verify.log" || { show "$work/verify.log"; fail "the digest that the signature proves is another"; }

say "a body over the asking node's limit is refused before anything is signed or kept"
stop "${node[ollantaytambo]}"; bodies_up_to ollantaytambo 1000000; serve ollantaytambo
was=$(questions ollantaytambo)
ask -X POST "${as[@]}" "$base/echo" -H 'Expect:' --data-binary "@$work/large"; error client.invalid_body 400
ask -X POST "${as[@]}" "$base/echo" -H 'Transfer-Encoding: chunked' -H 'Expect:' --data-binary "@$work/large"; error client.invalid_body 400
[ "$(questions ollantaytambo)" = "$was" ] || fail "the journal holds something: $was, now $(questions ollantaytambo)"
none_held

say "an answer over the asking node's limit is refused, and both journals are closed"
ask "${as[@]}" "$base/noise/2000000"; error server.clientproxy.service_failed.invalid_body
none_held

say "a body over the answering node's limit is refused there"
stop "${node[ollantaytambo]}"; bodies_up_to ollantaytambo "$limit"; serve ollantaytambo
stop "${node[identidad]}"; bodies_up_to identidad 1000000; serve identidad
was=$(questions identidad)
for turn in $(seq 8); do ask -X POST "${as[@]}" "$base/echo" -H 'Expect:' --data-binary "@$work/large"; error server.serverproxy.invalid_body; done
[ "$(questions identidad)" = "$was" ] || fail "the journal holds something"
none_held
stop "${node[identidad]}"; bodies_up_to identidad "$limit"; serve identidad

target=/r1/${base#*/r1/}/echo
say "a slow sender is heard, one that stands still is cut off, one that goes away leaves nothing"
streams send "$plain" "$target" "$client" 300000 slowly >"$work/sent" || { show "$work/sent"; fail "a slow sender"; }
grep -q '"bytes": 300000' "$work/sent" || { show "$work/sent"; fail "a slow sender"; }
was=$(questions ollantaytambo)
streams send "$plain" "$target" "$client" 20000000 stands >"$work/sent" || { show "$work/sent"; fail "a sender that stands still"; }
grep -qi '^x-road-error: client.io_error' "$work/sent" || { show "$work/sent"; fail "a sender that stands still"; }
after=$(sed -n 's/^after \([0-9]*\).*/\1/p' "$work/sent")
[ "$after" -ge 5 ] && [ "$after" -lt 30 ] || fail "it was cut off after $after s"
none_held
start "$work/sent" "$python" "$lib/streams.py" send "$plain" "$target" "$client" 20000000 holds
for turn in $(seq 100); do grep -q half "$work/sent" && break; sleep 0.1; done
for turn in $(seq 100); do [ "$(held ollantaytambo)" -eq 0 ] || break; sleep 0.1; done
[ "$(held ollantaytambo)" -eq 1 ] || fail "a body under way is held in one file without a name (it is in $(held ollantaytambo))"
kill -KILL "$pid"; wait "$pid" 2>/dev/null || true; forget "$pid"
none_held
[ "$(questions ollantaytambo)" = "$was" ] || fail "a body that never came whole is in the journal"

say "a system behind that dies in the middle of a large answer is told, and both journals are closed"
ask "${as[@]}" "$base/broken/5000000"; error server.serverproxy.io_error
none_held

say "without room for large bodies a node says so, in its log too, and small ones pass"
full=
for one in ollantaytambo identidad; do
  mkdir -p "$country/$one/spool"
  mount -t tmpfs -o size=2m tmpfs "$country/$one/spool" 2>/dev/null || { not_run "a full spool: no small file system can be mounted here"; break; }
  mounts+=("$country/$one/spool"); full=$one
  ask -X POST "${as[@]}" "$base/echo" --data-binary "@$work/large"
  case $one in
  ollantaytambo) error server.clientproxy.io_error; expect "'no room' in told['message']" ;;
  identidad) error server.serverproxy.io_error; expect "'no room' in told['message']" ;;
  esac
  grep -q 'no room for a body' "$work/$one.log" || fail "$one does not say why in its log"
  none_held
  for turn in 1 2; do ask -X POST "${as[@]}" "$base/echo" --data-binary hola; expect "status == 200" "told['bytes'] == 4"; done
  umount "$country/$one/spool"; mounts=()
  ask -X POST "${as[@]}" "$base/echo" --data-binary "@$work/large"; expect "status == 200" "told['sha256'] == '$sent'"
done

say "both nodes are whole"
for one in ollantaytambo identidad; do
  if grep -q panicked "$work/$one.log"; then show "$work/$one.log"; fail "$one panicked"; fi
  stop "${node[$one]}"
  ! questions "$one" | grep -q 'asked=' || fail "$one holds an open question: $(questions "$one")"
  "$tambo" check --config "$country/$one/settings.toml" --brief >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of $one"; }
done
say
