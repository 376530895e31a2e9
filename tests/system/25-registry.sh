#!/usr/bin/env bash
# A registry is connected in minutes: a SQLite view, a PostgreSQL view, a CSV file and a REST service, each described in
# settings, asked by another body's system over /r1, and nothing leaves but what was agreed.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 13)
country=$work/country
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/health" "$work/demo.log" "$pid"
stop "$pid"
registry=$country/identidad office=$country/ollantaytambo
systems=127.0.0.1:$((port + 10)) rest_port=$((port + 11))
sed -i "s|^\[exchange\]|[exchange]\nclient_listen = \"$systems\"|" "$office/settings.toml"
printf '\n[exchange.systems.TRAMITES]\nauthentication = "http"\n' >>"$office/settings.toml"
member=$(sed -n 's/^member = "\(.*\)"/\1/p' "$registry/settings.toml")
asker=PE/GOB/$(sed -n 's/^member = "\(.*\)"/\1/p' "$office/settings.toml")/TRAMITES

# The registers as an office has them: each with a column that no field names.
heads="dni;nombre;nacimiento;lengua;clave"
printf '%s\n40000001;Rosa Quispe;01/05/1990;quechua;SECRETO\n40000002;Ana Mamani;31/12/2015;;SECRETO\n' "$heads" >"$registry/padron.csv"
"$python" - "$registry/registro.db" <<'PY'
import sqlite3, sys
base = sqlite3.connect(sys.argv[1])
base.executescript("""CREATE TABLE persona (dni TEXT PRIMARY KEY, nombre TEXT, nacimiento TEXT, lengua TEXT, clave TEXT);
INSERT INTO persona VALUES ('40000001', 'Rosa Quispe', '1990-05-01', 'quechua', 'SECRETO');
CREATE VIEW publico AS SELECT dni, nombre, nacimiento, lengua FROM persona;""")
PY
printf 'Bearer abc' >"$registry/token"
start "$work/rest.log" "$python" "$lib/rest_registry.py" "$rest_port" "Bearer abc"

# described NAME SECTION [POINTER-PREFIX [DAY-FIRST]]: one registry of the settings.
described() {
  cat <<TOML

[registry.$1]
title = { es = "Padrón ($1)", qu = "Qillqa ($1)", en = "Roll ($1)" }
[registry.$1.$2
[registry.$1.fields]
nombre = { from = "${3:-}nombre", description = "Nombre" }
nacimiento = { from = "${3:-}nacimiento", type = "date", day_first = ${4:-false}, internal = true }
lengua = { from = "${3:-}lengua", sensitive = true }
[[registry.$1.derived]]
rule = "years-since"
name = "over18"
field = "nacimiento"
years = 18
TOML
}
services="en-sqlite en-csv en-rest"
{
  described en-sqlite $'sql]\nurl = "sqlite:registro.db"\nview = "publico"\nkey = "dni"'
  described en-csv $'csv]\nfile = "padron.csv"\nkey = "dni"' "" true
  described en-rest "rest]
address = \"http://127.0.0.1:$rest_port/people/{subject}\"
secret_headers = { authorization = \"token\" }
probe = \"00000000\"" /data/
} >>"$registry/settings.toml"
if [ -n "${TAMBO_TEST_POSTGRES:-}" ] && has psql; then
  schema=system_registry
  psql -q "$TAMBO_TEST_POSTGRES" 2>"$work/psql.log" <<SQL || { show "$work/psql.log"; fail "a schema for the registry"; }
DROP SCHEMA IF EXISTS $schema CASCADE; CREATE SCHEMA $schema;
CREATE TABLE $schema.persona (dni BIGINT PRIMARY KEY, nombre VARCHAR(80), nacimiento DATE, lengua TEXT, clave TEXT);
INSERT INTO $schema.persona VALUES (40000001, 'Rosa Quispe', '1990-05-01', 'quechua', 'SECRETO');
CREATE VIEW $schema.publico AS SELECT dni, nombre, nacimiento, lengua FROM $schema.persona;
SQL
  printf '%s' "$TAMBO_TEST_POSTGRES" >"$registry/base"
  described en-postgres "sql]
url_file = \"base\"
view = \"$schema.publico\"
key = \"dni\"
key_type = \"int\"" >>"$registry/settings.toml"
  services="$services en-postgres"
else not_run "a registry in PostgreSQL: no server or no psql"; fi

began=$(now_ms)
"$tambo" check --config "$registry/settings.toml" --brief >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of the registries"; }
[ "$(grep -c '^good *registry' "$work/check.log")" -eq "$(wc -w <<<"$services")" ] || { show "$work/check.log"; fail "check tries each registry"; }
ok "check tries $(wc -w <<<"$services") registries in $(($(now_ms) - began)) ms"
sed 's/view = "publico"/view = "publica"/; s/key = "dni"/key = "dni_"/' "$registry/settings.toml" >"$registry/wrong.toml"
refused 'en-csv: .*there is no column "dni_"; there are: dni, nombre' "$tambo" check --config "$registry/wrong.toml" --brief
grep -q 'en-sqlite: .*there is no publica' "$work/refused.log" || { show "$work/refused.log"; fail "check does not say which view is missing"; }
ok "check says which column or view is missing, and which there are"

start "$work/serve.log" "$tambo" serve --bodies "$country"
server=$pid
until_up "http://127.0.0.1:$port/health" "$work/serve.log" "$server"
until_up "http://127.0.0.1:$((port + 2))/health" "$work/serve.log" "$server"
for service in $services; do
  "$tambo" agreement --config "$office/settings.toml" propose --client "$asker" --service "PE/GOB/$member/IDENTIDAD/$service" \
    --field nombre --field over18 --field nacimiento --purpose prueba-registro --words "Prueba del registro" --legal-ground "DL 1310" \
    --until 2031-01-01 --number "REG-$service" >"$work/agree.log" 2>&1 || { show "$work/agree.log"; fail "proposing for $service"; }
  # What was proposed travels to the other body first.
  for turn in $(seq 50); do
    ! "$tambo" agreement --config "$registry/settings.toml" accept "REG-$service" >"$work/agree.log" 2>&1 || break
    sleep 0.2
  done
  [ "$turn" -lt 50 ] || { show "$work/agree.log"; fail "accepting for $service"; }
done

# in_force SERVICE: until the office holds the agreement with both signatures.
in_force() {
  local turn
  for turn in $(seq 50); do
    ! "$tambo" agreement --config "$office/settings.toml" list 2>"$work/agree.log" | grep "REG-$1" | grep -q 'in-force' || return 0
    sleep 0.2
  done
  "$tambo" agreement --config "$office/settings.toml" list
  fail "the agreement REG-$1 is not in force (turn $turn)"
}
# asked SERVICE SUBJECT FIELDS: what the office's own system gets; the status is printed, the body lies in $work/answer.
asked() {
  curl -sS -o "$work/answer" -D "$work/heads" -w '%{http_code}' "http://$systems/r1/PE/GOB/$member/IDENTIDAD/$1/facts" \
    -H "X-Road-Client: $asker" -H 'Tambo-Purpose: prueba-registro' -H 'Content-Type: application/json' -d "{\"subject\":\"$2\",\"fields\":[$3]}"
}
for service in $services; do
  in_force "$service"
  # The command decided beside the serving process, which sees it with the first question.
  [ "$(asked "$service" 49999999 '"over18"')" = 200 ] || { cat "$work/answer"; show "$work/serve.log"; fail "$service does not answer"; }
done
clean() { # clean NAME: nothing that was not agreed is in the answer, its headers, or the registry's log
  if grep -Eq 'SECRETO|1990|quechua' "$work/answer" "$work/heads"; then cat "$work/answer"; fail "$1 tells what was not agreed"; fi
  # Whole words: a trace is hexadecimal and may hold any four digits.
  if grep -Ewq 'SECRETO|1990|quechua|40000[0-9]*' "$work/serve.log"; then grep -Ewn '1990|40000[0-9]*|SECRETO' "$work/serve.log" | head -n 3; fail "$1 is in the log"; fi
}
for service in $services; do
  began=$(now_ms)
  status=$(asked "$service" 40000001 '"over18","nombre"')
  took=$(($(now_ms) - began))
  [ "$status" = 200 ] || { cat "$work/answer"; show "$work/serve.log"; fail "$service answers $status"; }
  "$python" - "$work/answer" <<'PY' || { cat "$work/answer"; fail "$service states something else"; }
import json, sys
told = json.load(open(sys.argv[1]))
assert told["found"] is True and {fact["name"]: fact["value"] for fact in told["facts"]} == {"over18": True, "nombre": "Rosa Quispe"}, told
PY
  clean "$service"
  cp "$work/answer" "$work/stated.json"
  status=$(curl -sS -o "$work/openapi.json" -w '%{http_code}' -H "X-Road-Client: $asker" \
    "http://$systems/r1/PE/GOB/$member/IDENTIDAD/getOpenAPI?serviceCode=$service")
  [ "$status" = 200 ] || { cat "$work/openapi.json"; fail "getOpenAPI of $service: $status"; }
  if "$python" -c 'import openapi_spec_validator' 2>/dev/null; then
    "$python" "$oracles/openapi.py" "$work/openapi.json" "$work/stated.json" || fail "the description of $service"
  else not_run "OpenAPI by openapi-spec-validator: it is not installed"; fi
  if grep -Eq "nacimiento|registro.db|$rest_port|publico" "$work/openapi.json"; then fail "the description of $service tells of the inside"; fi
  [ "$(asked "$service" 49999999 '"over18"')" = 200 ] && grep -q '"found":false' "$work/answer" || { cat "$work/answer"; fail "$service and a number of nobody"; }
  [ "$(asked "$service" 40000001 '"nacimiento"')" != 200 ] || fail "$service gives an internal field"
  clean "$service (an internal field)"
  [ "$(asked "$service" 40000001 '"lengua"')" != 200 ] || fail "$service gives a field that was not agreed"
  clean "$service (a field that was not agreed)"
  ok "$service: stated what was agreed in $took ms, and nothing else"
done
[ "$(asked en-rest 40000500 '"nombre"')" != 200 ] || fail "a failing service gives an answer"
clean "a failing service"

# The file changes while the body serves: a new line counts at once, a bad one stops the register and is named.
printf '%s\n40000001;Rosa Quispe Mamani;01/05/1990;quechua;SECRETO\n' "$heads" >"$registry/new.csv" && mv "$registry/new.csv" "$registry/padron.csv"
[ "$(asked en-csv 40000001 '"nombre"')" = 200 ] && grep -q 'Rosa Quispe Mamani' "$work/answer" || { cat "$work/answer"; fail "the changed file"; }
printf '%s\n40000001;Rosa;SECRETO;quechua;SECRETO\n' "$heads" >"$registry/new.csv" && mv "$registry/new.csv" "$registry/padron.csv"
[ "$(asked en-csv 40000001 '"nombre"')" != 200 ] || fail "a file with a bad line states something"
clean "a file with a bad line"
grep -q 'line 2: nacimiento is not a date DD/MM/YYYY' "$work/serve.log" || { show "$work/serve.log"; fail "the bad line is not named"; }
refused 'en-csv: .*line 2: nacimiento is not a date' "$tambo" check --config "$registry/settings.toml" --brief
ok "a changed file counts at once; one with a bad line states nothing and its line is named"

# Trying it, as a developer at the machine does, in a test instance.
page=http://127.0.0.1:$((port + 2))/registries/IDENTIDAD/en-sqlite
curl -sS -c "$work/jar" "$page" >"$work/page" && grep -q 'en-sqlite/try' "$work/page" || fail "the page of the registry"
token=$(grep -o 'name="csrf" value="[^"]*"' "$work/page" | head -n 1 | cut -d'"' -f4)
curl -sS -b "$work/jar" "$page/try" --data-urlencode "csrf=$token" -d subject=40000001 -d field=over18 >"$work/page"
link=$(grep -o '/registries/[^"]*/tried/[^"]*' "$work/page" | head -n 1)
[ -n "$link" ] || { cat "$work/page"; fail "trying the registry"; }
curl -sS -b "$work/jar" -o "$work/tried.asice" "http://127.0.0.1:$((port + 2))$link"
unzip -p "$work/tried.asice" attachment1 | grep -q '"over18","value":true' || fail "the signed answer of a try"
if unzip -p "$work/tried.asice" | grep -aq 1990; then fail "the container holds the date of birth"; fi
ok "a registry is tried on its page, and the signed answer says over18 and no date"
stop "$server"
sed -i 's/^simulated = true/simulated = false/' "$registry/settings.toml"
start "$work/serve.log" "$tambo" serve --bodies "$country"
until_up "$page" "$work/serve.log" "$pid"
curl -sS -b "$work/jar" "$page" >"$work/page"
if grep -q 'en-sqlite/try' "$work/page"; then fail "a real body offers trying"; fi
# The token of the form before holds on: a form that is open while a body restarts can still be sent.
status=$(curl -sS -b "$work/jar" -o "$work/page" -w '%{http_code}' "$page/try" --data-urlencode "csrf=$token" -d subject=40000001 -d field=over18)
[ "$status" = 404 ] || { cat "$work/page"; fail "a real body can be tried: $status"; }
ok "a body that is not of a test instance can't be tried"
stop "$pid"
[ -z "${schema:-}" ] || psql -q "$TAMBO_TEST_POSTGRES" -c "DROP SCHEMA $schema CASCADE" 2>"$work/psql.log"
