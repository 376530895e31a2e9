#!/usr/bin/env bash
# Reading commands write nothing and make nothing, least of all when the clock is wrong: the store, the keys and the
# certificates are the same byte by byte before and after, with the clock right and years ahead.
. "$(dirname "$0")/lib/common.bash"

node=$work/node settings=$work/node/settings.toml
port=$(free_ports 3)
"$tambo" init --authority "$node" --name "Autoridad de la Plataforma" --number 20168999926 --origin "http://localhost:$port" \
  --address "127.0.0.1:$((port + 1))" --administrator 99000101 --administrator-name "Nelida Ttito" </dev/null \
  >"$work/init.log" 2>&1 || { show "$work/init.log"; fail "init --authority"; }
start "$work/serve.log" "$tambo" serve --config "$settings"
until_up "$(sed -n 's/^origin = "\(.*\)"/\1/p' "$settings")/health" "$work/serve.log" "$pid"
stop "$pid"
store=$(find "$node" -name '*.db' | head -n 1)
[ -n "$store" ] || fail "no store in $node"

# state: every row of the store, and the digest of every other file.
state() {
  "$python" - "$store" <<'PY'
import hashlib, sqlite3, sys
digest = hashlib.sha256()
base = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
for line in base.iterdump():
    digest.update(line.encode())
print("rows", digest.hexdigest())
PY
  find "$node" -type f ! -name "$(basename "$store")*" -exec sha256sum {} + | sort -k2
}

state >"$work/before"
grep -q '^rows' "$work/before" && [ "$(wc -l <"$work/before")" -gt 10 ] || fail "the state holds too little"
reading() { # reading WORDS COMMAND...: whatever it answers, nothing has changed
  local words=$1; shift
  "$@" >"$work/out.log" 2>&1 || true
  state >"$work/after"
  cmp -s "$work/before" "$work/after" || { diff "$work/before" "$work/after" | head -n 20; fail "$words changed something"; }
}
commands() { # commands WORDS PREFIX...
  local words=$1; shift
  reading "check $words" "$@" "$tambo" check --config "$settings"
  reading "check --deep $words" "$@" "$tambo" check --config "$settings" --deep --brief
  reading "registry list $words" "$@" "$tambo" registry list --config "$settings"
  reading "registry members $words" "$@" "$tambo" registry members --config "$settings"
  reading "agreement list $words" "$@" "$tambo" agreement list --config "$settings"
  reading "openapi $words" "$@" "$tambo" openapi --config "$settings"
  reading "jobs $words" "$@" "$tambo" jobs --config "$settings"
}
commands "with a good clock" env
"$tambo" check --config "$settings" --brief >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of a good node"; }
grep -q 'certificate' "$work/check.log" || fail "check tells no certificate"
"$tambo" registry members --config "$settings" | grep -q 'PE/GOB/20168999926' || fail "the authority is no member"
ok "seven reading commands change no row and no file"

if has faketime; then
  # Four years ahead everything short-lived has ended: the old way made new keys and certificates at once.
  commands "four years ahead" faketime '2031-01-01 00:00:00'
  faketime '2031-01-01 00:00:00' "$tambo" check --config "$settings" --brief >"$work/late.log" 2>&1 || true
  grep -q 'expired' "$work/late.log" || { show "$work/late.log"; fail "check does not tell that certificates ended"; }
  ok "nor four years ahead, where every certificate has ended and check says so"
  # An act does what was asked for and renews nothing.
  find "$node/keys" "$node/certificates" -type f -exec sha256sum {} + | sort -k2 >"$work/keys.before"
  faketime '2031-01-01 00:00:00' "$tambo" registry link --config "$settings" >"$work/link.log" 2>&1 || { show "$work/link.log"; fail "a link"; }
  find "$node/keys" "$node/certificates" -type f -exec sha256sum {} + | sort -k2 >"$work/keys.after"
  cmp -s "$work/keys.before" "$work/keys.after" || fail "making a link made keys or certificates"
  ok "an act with a wrong clock makes no key and no certificate"
else not_run "a wrong clock: faketime is not installed"; fi

# What goes wrong is told in the reader's language, with what to do and a reference for whoever is asked for help.
told() { # told TEXT WORDS...: the command is refused with TEXT, and with the fault's own code
  local text=$1; shift
  refused "$text" "$@"
  grep -q 'fault-[a-z-]*' "$work/refused.log" || { show "$work/refused.log"; fail "no reference: $*"; }
}
spanish() { env LC_ALL=es_PE.UTF-8 "$tambo" "$@" --config "$settings"; }
quechua() { env LC_ALL=C LANG=es_PE.UTF-8 "$tambo" "$@" --config "$settings" --lang qu; }
plain() { env -u LANG -u LC_MESSAGES LC_ALL= "$tambo" "$@" --config "$settings"; }
nobody=PE/GOB/00000000000
told 'Esta entidad no tiene un acuerdo' spanish agreement accept CONV-9
told 'This body has no agreement' plain agreement accept CONV-9
told 'Estas condiciones no se pueden acordar' spanish agreement propose --client "$nobody/a" --service "$nobody/b/c" --purpose p --words w \
  --field f --legal-ground l --until 2099-01-01
for language in spanish quechua plain; do
  told '^tambo: [A-Z]' "$language" registry approve 00000000-0000-7000-8000-000000000000
  told '^tambo: [A-Z]' "$language" registry revoke "$nobody" --why x
  told '^tambo: [A-Z]' "$language" registry refuse 1 --why x
  told '^tambo: [A-Z]' "$language" registry unlink nolink
  cp "$work/refused.log" "$work/told.$language"
done
cmp -s "$work/told.spanish" "$work/told.quechua" && fail "Quechua and Spanish say the same"
cmp -s "$work/told.spanish" "$work/told.plain" && fail "English and Spanish say the same"
refused 'es, qu or en' "$tambo" registry list --config "$settings" --lang xx
ok "faults of seven commands come as text and reference, in three languages"

# Without its tables or with older ones nothing is made either.
mv "$store" "$work/away"
refused 'store|database' "$tambo" registry list --config "$settings"
[ ! -e "$store" ] || fail "a reading command made a store"
mv "$work/away" "$store"
sqlite3_rows() { "$python" -c 'import sqlite3,sys; b=sqlite3.connect(sys.argv[1]); b.execute(sys.argv[2]); b.commit()' "$store" "$1"; }
sqlite3_rows "DELETE FROM store_migration WHERE room = 'registry' AND version = (SELECT max(version) FROM store_migration WHERE room = 'registry')"
refused 'older than this program' "$tambo" registry list --config "$settings"
ok "a store that is missing or older is told, and left"
