#!/usr/bin/env bash
# The key that signs the configuration changes while members follow: announced under the old key, then used, then the old
# one forgotten. Whoever was away the whole time is not let in by a key that nobody announced to it.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 4)
authority=$work/authority member=$work/member away=$work/away
init() { # init FOLDER NAME NUMBER ORIGIN-PORT EXCHANGE-PORT [OPTIONS...]
  local folder=$1 name=$2 number=$3 pages=$4 exchange=$5
  shift 5
  "$tambo" init "$@" "$folder" --name "$name" --number "$number" --origin "http://localhost:$pages" \
    --address "127.0.0.1:$exchange" --administrator 99000101 --administrator-name "Nelida Ttito" </dev/null
}
registry() { local act=$1; shift; "$tambo" registry "$act" "$@" --config "$authority/settings.toml"; }
init "$authority" "Autoridad de la Plataforma" 20168999926 "$port" $((port + 1)) --authority >"$work/init.log" 2>&1 || { show "$work/init.log"; fail "init --authority"; }
link=$(grep -Eo 'http://[^ ]+/join#[a-z0-9.]+' "$work/init.log") || { show "$work/init.log"; fail "no link"; }
start "$work/authority.log" "$tambo" serve --config "$authority/settings.toml"
until_up "http://localhost:$port/join" "$work/authority.log" "$pid"
init "$member" "Registro de Identidad" 20295613620 $((port + 2)) $((port + 3)) --subsystem IDENTIDAD --join "$link" >"$work/join.log" 2>&1 || { show "$work/join.log"; fail "join"; }
number=$(grep -Eo 'Application [0-9A-Z]+' "$work/join.log" | cut -d' ' -f2)
registry approve "$number" >"$work/approve.log" 2>&1 || { show "$work/approve.log"; fail "approve"; }

# followed FOLDER: a start of the body; its store then says whose signature the edition has that it holds.
followed() {
  start "$work/member.log" "$tambo" serve --config "$1/settings.toml"
  until_up "http://localhost:$((port + 2))/sign-in" "$work/member.log" "$pid"
  sleep 2
  stop "$pid"
  "$python" - "$(find "$1" -name '*.db')" <<'PY'
import hashlib, sqlite3, sys
rows = sqlite3.connect(sys.argv[1]).execute("SELECT signer FROM exchange_configuration").fetchall()
print(hashlib.sha256(rows[0][0]).hexdigest() if rows else "none")
PY
}
digest() { openssl x509 -in "$authority/certificates/$1.pem" -outform DER | sha256sum | cut -d' ' -f1; }
served() { curl -fsS "http://localhost:$port/internalconf?version=6" | grep -i '^Verification-certificate-hash' | cut -d' ' -f2 | tr -d ';\r'; }

[ "$(followed "$member")" = "$(digest configuration-internal)" ] || fail "the member holds no edition under the first key"
cp -a "$member" "$away"
before=$(served)

refused 'order|orden' registry rotate-key use --now
registry rotate-key announce >"$work/turn.log" 2>&1 || { show "$work/turn.log"; fail "announce"; }
refused 'Wait 14[0-9]{2} minutes' registry rotate-key use
sleep 4
[ "$(served)" = "$before" ] || fail "a key that was only announced signs"
anchor=$(curl -fsS "http://localhost:$port/configuration-anchor.xml" | grep -o '<verificationCert>' | wc -l)
[ "$anchor" -eq 2 ] || fail "the anchor names $anchor keys during the change"
[ "$(followed "$member")" = "$(digest configuration-internal)" ] || fail "the member lost the first key too early"
ok "announced: the old key signs, both are in anchor and configuration; using it within a day is refused"

registry rotate-key use --now >"$work/turn.log" 2>&1 || { show "$work/turn.log"; fail "use"; }
sleep 4
[ "$(served)" != "$before" ] || fail "the running authority goes on with the old key"
[ "$(followed "$member")" = "$(digest configuration-internal-2)" ] || { show "$work/member.log"; fail "the member does not follow the new key"; }
ok "used: the running authority signs with the new key within seconds, and the member follows under its old anchor"

registry rotate-key forget --now >"$work/turn.log" 2>&1 || { show "$work/turn.log"; fail "forget"; }
sleep 4
[ "$(curl -fsS "http://localhost:$port/configuration-anchor.xml" | grep -o '<verificationCert>' | wc -l)" -eq 1 ] || fail "the anchor still names the old key"
[ "$(followed "$member")" = "$(digest configuration-internal-2)" ] || fail "the member stopped following"
"$tambo" check --config "$member/settings.toml" --brief >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of the member"; }
[ "$(followed "$away")" = "$(digest configuration-internal)" ] || fail "a key that was never announced to it was believed"
curl -fsS "http://localhost:$port/configuration-anchor.xml" >"$away/$(sed -n 's/^anchor = "\(.*\)"/\1/p' "$away/settings.toml")" || fail "the new anchor"
[ "$(followed "$away")" = "$(digest configuration-internal-2)" ] || { show "$work/member.log"; fail "the new anchor does not help"; }
ok "forgotten: the member goes on; one that was away believes no unknown key, and follows again with the new anchor"

registry rotate-key announce --external >"$work/turn.log" 2>&1 || { show "$work/turn.log"; fail "announce the external key"; }
"$tambo" check --config "$authority/settings.toml" --brief >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of the authority"; }
ok "the external key changes alike; every turn is in a sound log"
