#!/usr/bin/env bash
# One command to a working trust network: an authority, two bodies that join with a link and an approval each, a real
# question between them, then a revocation. Every body is a process of its own, over plain HTTP and mutual TLS.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 8)
authority=$work/authority asker=$work/asker provider=$work/provider
init() { # init FOLDER NAME NUMBER ORIGIN-PORT EXCHANGE-PORT [OPTIONS...]
  local folder=$1 name=$2 number=$3 pages=$4 exchange=$5
  shift 5
  "$tambo" init "$@" "$folder" --name "$name" --number "$number" --origin "http://localhost:$pages" \
    --address "127.0.0.1:$exchange" --administrator 99000101 --administrator-name "Nelida Ttito" </dev/null
}
registry() { local act=$1; shift; "$tambo" registry "$act" --config "$authority/settings.toml" "$@"; }

began=$(now_ms)
init "$authority" "Autoridad de la Plataforma" 20168999926 "$port" $((port + 1)) --authority >"$work/init.log" 2>&1 || { show "$work/init.log"; fail "init --authority"; }
link=$(grep -Eo 'http://[^ ]+/join#[a-z0-9.]+' "$work/init.log") || { show "$work/init.log"; fail "init --authority prints no link"; }
start "$work/authority.log" "$tambo" serve --config "$authority/settings.toml"
until_up "http://localhost:$port/join" "$work/authority.log" "$pid"
ok "the authority is founded and serves after $(($(now_ms) - began)) ms"

# A link whose key is not the authority's, as from somebody in the middle, makes nothing here.
last=${link: -1}
wrong=${link%?}$([ "$last" = q ] && echo a || echo q)
refused 'key is not|not a join link' init "$work/wrong" "X" 20295613620 $((port + 2)) $((port + 3)) --join "$wrong"
[ ! -e "$work/wrong" ] || fail "a wrong link left a folder behind"

join() { # join FOLDER NAME NUMBER ORIGIN-PORT EXCHANGE-PORT SUBSYSTEM LINK
  init "$1" "$2" "$3" "$4" "$5" --subsystem "$6" --join "$7" >"$work/join.log" 2>&1 || { show "$work/join.log"; fail "$2 joins"; }
  number=$(grep -Eo 'Application [0-9A-Z]+' "$work/join.log" | cut -d' ' -f2)
  shown=$(grep -Eo 'fingerprint [0-9A-Z-]+' "$work/join.log" | cut -d' ' -f2)
  registry list >"$work/list.log" 2>&1 || { show "$work/list.log"; fail "registry list"; }
  grep -q "^$number  $shown  join" "$work/list.log" || { show "$work/list.log"; fail "both screens must show $shown for $number"; }
}
join "$provider" "Registro de Identidad" 20295613620 $((port + 2)) $((port + 3)) IDENTIDAD "$link"
refused 'waits for approval' "$tambo" check --config "$provider/settings.toml" --brief
mkdir "$work/system"
echo '{"nombre":"Nelida Ttito"}' >"$work/system/99000101"
start "$work/system.log" "$python" -m http.server --bind 127.0.0.1 --directory "$work/system" $((port + 7))
client=PE/GOB/20131312955/TRIBUTOS service=PE/GOB/20295613620/IDENTIDAD/padron
cat >>"$provider/settings.toml" <<TOML
[exchange.services.padron]
url = "http://127.0.0.1:$((port + 7))/"
agreement = false
endpoints = [{ method = "GET", path = "/*" }]
rights = [{ subject = "$client" }]
TOML
start "$work/provider.log" "$tambo" serve --config "$provider/settings.toml"
provider_id=$pid
registry approve "$number" >"$work/approve.log" 2>&1 || { show "$work/approve.log"; fail "approve"; }
until_up "http://localhost:$((port + 2))/sign-in" "$work/provider.log" "$provider_id"
ok "the first body joined: two commands and one approval"

refused 'enlace ya fue usado|link was used' init "$work/again" "Otra" 20131312955 $((port + 4)) $((port + 5)) --join "$link"
second=$(registry link)
refused 'pertenece a otro|belongs to another' init "$work/taken" "Otra" 20295613620 $((port + 4)) $((port + 5)) --join "$second"
if grep -rqF "$(cut -d. -f2 <<<"$second")" "$work"/*.log; then fail "the link's secret stands in a log"; fi
join "$asker" "Superintendencia" 20131312955 $((port + 4)) $((port + 5)) TRIBUTOS "$second"
sed -i "s/^#client_listen = .*/client_listen = \"127.0.0.1:$((port + 6))\"/" "$asker/settings.toml"
cat >>"$asker/settings.toml" <<'TOML'
[exchange.systems.TRIBUTOS]
authentication = "http"
TOML
start "$work/asker.log" "$tambo" serve --config "$asker/settings.toml"
asker_id=$pid
registry approve "$number" >"$work/approve.log" 2>&1 || { show "$work/approve.log"; fail "approve"; }
until_up "http://localhost:$((port + 4))/sign-in" "$work/asker.log" "$asker_id"

ask() {
  curl -sS --max-time 60 -o "$work/answer" -w '%{http_code}' "http://127.0.0.1:$((port + 6))/r1/$service/99000101" -H "X-Road-Client: $client"
}
until_answer() { # until_answer STATUS-PATTERN: nodes take a new configuration within a minute.
  local turn status
  for turn in $(seq 90); do
    status=$(ask || true)
    [[ $status =~ $1 ]] && return 0
    sleep 1
  done
  show "$work/provider.log"; show "$work/asker.log"; cat "$work/answer"
  fail "the question did not end with $1 but $status"
}
until_answer '^200$'
grep -q 'Nelida Ttito' "$work/answer" || { cat "$work/answer"; fail "the answer"; }
ok "from nothing to the first answered question, two bodies joining: $(($(now_ms) - began)) ms"
curl -fsS -H 'Accept: application/json' "http://localhost:$port/registry/members" >"$work/members.json"
"$python" -c 'import json, sys; told = json.load(open(sys.argv[1])); assert [m["active"] for m in told["members"]] == [True] * 3, told' "$work/members.json" || fail "the open list of members"

# A body asks for a change itself, signed with its registered key; certificates are renewed for the asking.
"$tambo" member maintenance on --message "Hasta el lunes" --config "$provider/settings.toml" >"$work/member.log" 2>&1 || { show "$work/member.log"; fail "maintenance"; }
grep -q ': approved' "$work/member.log" || { show "$work/member.log"; fail "maintenance is granted by a rule"; }
"$tambo" member maintenance off --config "$provider/settings.toml" >"$work/member.log" 2>&1 || { show "$work/member.log"; fail "maintenance ends"; }
until_answer '^200$'
"$tambo" member renew --config "$provider/settings.toml" >"$work/member.log" 2>&1 || { show "$work/member.log"; fail "renew"; }
openssl verify -CAfile <(curl -fsS "http://localhost:$port/ca.pem") "$provider/certificates/auth.pem" >"$work/openssl.log" 2>&1 || { show "$work/openssl.log"; fail "openssl on a renewed certificate"; }
"$tambo" member address 127.0.0.1:1 --config "$asker/settings.toml" >"$work/member.log" 2>&1 || { show "$work/member.log"; fail "address"; }
number=$(grep -Eo 'Application [0-9A-Z]+' "$work/member.log" | cut -d' ' -f2)
registry refuse "$number" --why "Falta el oficio" >"$work/refuse.log" 2>&1 || { show "$work/refuse.log"; fail "refuse"; }
refused 'decided|fault-registry-decided' "$tambo" registry approve "$number" --config "$authority/settings.toml"
ok "a member's own changes: some by rule, some by a person"

began=$(now_ms)
registry revoke PE/GOB/20131312955 --why "Se fusionó" >"$work/revoke.log" 2>&1 || { show "$work/revoke.log"; fail "revoke"; }
until_answer '^[45]'
type=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["type"])' "$work/answer") || { cat "$work/answer"; fail "a refusal in X-Road's form"; }
ok "a revoked body is refused after $((($(now_ms) - began) / 1000)) s: $type"
refused 'clave registrada|registered key' "$tambo" member maintenance on --config "$asker/settings.toml"
"$tambo" check --config "$authority/settings.toml" --brief --deep >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of the authority"; }
for log in authority provider asker; do
  if grep -q panicked "$work/$log.log"; then show "$work/$log.log"; fail "$log panicked"; fi
done
ok "every decision is in a sound log"
