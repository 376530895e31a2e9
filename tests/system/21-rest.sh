#!/usr/bin/env bash
# curl walks everything that information systems meet at a node: two nodes of the demo, a real system behind one of them.
. "$(dirname "$0")/lib/common.bash"

port=$(free_ports 16)
country=$work/country
plain=$((port + 10)) tls=$((port + 11)) health=$((port + 12)) behind=$((port + 13)) nobody=$((port + 14))
start "$work/demo.log" "$tambo" demo --data "$country" --port "$port"
until_up "http://127.0.0.1:$port/" "$work/demo.log" "$pid"
for turn in $(seq 300); do grep -q 'Stop with Ctrl-C' "$work/demo.log" && break; sleep 0.1; done
stop "$pid"

# ask ARGUMENTS: curl's answer is in $work/head and $work/body. expect EXPRESSIONS: all must hold of it (lib/expect.py).
ask() { curl -sS --max-time 60 -D "$work/head" -o "$work/body" "$@" || fail "curl $*"; }
expect() { "$python" "$lib/expect.py" "$work" "$@" || fail "after: $told"; }
say() { [ -z "${told:-}" ] || ok "$told"; told=$*; }
error() { expect "status == ${2:-500}" "head['x-road-error'] == '$1'" "told['type'] == '$1'" "set(told) == {'type', 'message', 'detail'}"; }
uuid='__import__("re").fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", VALUE)'

client=PE/GOB/20999999001/TRAMITES
member=PE/GOB/20999999001
provider=PE/GOB/20295613620/IDENTIDAD
base=http://127.0.0.1:$plain/r1/$provider
as=(-H "X-Road-Client: $client")

# The two nodes, each in a process of its own, and the authority.
serve() { start "$work/$1.log" "$tambo" serve --config "$country/$1/settings.toml"; }
set_client() {
  cp "$work/client.toml" "$country/ollantaytambo/settings.toml"
  sed -i "/^\[exchange\]\$/a client_listen = \"127.0.0.1:$plain\"\nclient_tls_listen = \"127.0.0.1:$tls\"\nhealth_listen = \"127.0.0.1:$health\"" "$country/ollantaytambo/settings.toml"
  printf '\n[exchange.systems.TRAMITES]\nauthentication = "%s"\ncertificates = ["system.crt"]\n' "$1" >>"$country/ollantaytambo/settings.toml"
  printf '\n[exchange.member_systems]\nauthentication = "%s"\ncertificates = ["system.crt"]\n' "$1" >>"$country/ollantaytambo/settings.toml"
  sed -i "s/^spelling = .*/spelling = \"${2:-snake}\"/" "$country/ollantaytambo/settings.toml"
}
restart_client() { stop "$client_id"; set_client "$@"; serve ollantaytambo; client_id=$pid; until_up "http://127.0.0.1:$port/" "$work/ollantaytambo.log" "$pid"; }

openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=system -keyout "$work/system.key" -out "$country/ollantaytambo/system.crt" 2>"$work/openssl.log"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj /CN=system -keyout "$work/other.key" -out "$work/other.crt" 2>>"$work/openssl.log"
cp "$country/ollantaytambo/settings.toml" "$work/client.toml"
set_client http
cat >"$country/identidad/api.json" <<JSON
{"openapi": "3.0.1", "info": {"title": "Prueba", "version": "1"}, "servers": [{"url": "http://127.0.0.1:$behind/base"}, {"url": "https://{host}/v1"}],
 "paths": {"/echo/{id}": {"get": {"responses": {}}, "put": {"responses": {}}}, "/secret": {"get": {"responses": {}}}}}
JSON
cat >>"$country/identidad/settings.toml" <<TOML

[exchange.services.api]
url = "http://127.0.0.1:$behind/base/"
agreement = false
description = "api.json"
rights = [
  { subject = "$client", path = "/echo/**" }, { subject = "$client", method = "GET", path = "/status/*" },
  { subject = "$client", path = "/empty" }, { subject = "$client", path = "/moved" }, { subject = "$client", path = "/headers" },
  { subject = "$client", path = "/big/*" }, { subject = "local:vecinos", method = "GET", path = "/group" },
  { subject = "$member", method = "GET", path = "/echo/member" }, { subject = "local:otros", method = "GET", path = "/secret" }, { subject = "global:PE/all", path = "/global" },
]
[exchange.services.closed]
url = "http://127.0.0.1:$behind/base"
agreement = false
notice = "Volvemos el lunes"
rights = [{ subject = "$client" }]
[exchange.services.gone]
url = "http://127.0.0.1:$nobody/"
agreement = false
rights = [{ subject = "$client" }]
[exchange.services.nameless]
url = "http://nowhere.invalid/"
agreement = false
rights = [{ subject = "$client" }]
[exchange.services.homeless]
url = ""
agreement = false
rights = [{ subject = "$client" }]
[exchange.services.slow]
url = "http://127.0.0.1:$behind/base"
agreement = false
timeout_seconds = 1
rights = [{ subject = "$client" }]
[exchange.services."odd code"]
url = "http://127.0.0.1:$behind/base"
agreement = false
rights = [{ subject = "$client" }]
[exchange.services.agreed]
url = "http://127.0.0.1:$behind/base"
rights = [{ subject = "$client" }]
[exchange.services.hidden]
url = "http://127.0.0.1:$behind/base"
agreement = false
[exchange.groups.vecinos]
title = "Vecinos"
members = ["$client"]
[exchange.groups.otros]
title = "Otros"
TOML
start "$work/provider.log" "$python" "$lib/rest_provider.py" "$behind"
provider_id=$pid
serve autoridad; until_up "http://127.0.0.1:$((port + 1))/" "$work/autoridad.log" "$pid"
serve identidad; until_up "http://127.0.0.1:$((port + 2))/" "$work/identidad.log" "$pid"
serve ollantaytambo; client_id=$pid; until_up "http://127.0.0.1:$port/" "$work/ollantaytambo.log" "$pid"
until_up "http://127.0.0.1:$behind/base/empty" "$work/provider.log" "$provider_id"

say "every verb passes with its path, its query and its body"
for verb in DELETE GET OPTIONS PATCH POST PUT TRACE; do
  ask -X "$verb" "${as[@]}" "$base/api/echo/a%20b/%C3%B1?x=%2F&y=a+b" -H 'Content-Type: Text/Plain; Charset="utf-8"' --data-binary 'hola'
  expect "status == 200" "told['method'] == '$verb'" "told['path'] == '/base/echo/a%20b/%C3%B1?x=%2F&y=a+b'" "told['bytes'] == 4"
done
ask -I "${as[@]}" "$base/api/echo/1"
expect "status == 200" "head['x-road-service'] == '$provider/api'"

say "an empty body is no body"
ask -X POST "${as[@]}" "$base/api/echo/1" --data-binary ''
expect "status == 200" "told['bytes'] == 0"

say "headers pass unchanged, Content-Type to the letter; those of the connection stay here"
ask "${as[@]}" "$base/api/echo/1" -H 'Content-Type: multipart/form-data; Boundary="a b"' -H 'Cookie: a=1; b=2' -H 'Accept: text/html, */*;q=0.1' \
  -H 'X-Mine: one' -H 'X-Mine: two' -H 'Cache-Control: no-cache' -H 'User-Agent: secret' -H 'TE: trailers' -H 'Keep-Alive: 5' -H 'Proxy-Authorization: secret' \
  -H 'Expect: 100-continue' -H 'X-Road-Request-Id: forged' -H 'X-Road-Request-Hash: forged' -H 'Date: Mon, 23 Nov 2026 10:00:00 GMT' -X PUT --data-binary x
expect "sent['content-type'] == 'multipart/form-data; Boundary=\"a b\"'" "sent['cookie'] == 'a=1; b=2'" "sent['accept'] == 'text/html, */*;q=0.1'" \
  "sent['x-mine'] == 'one | two'" "sent['cache-control'] == 'no-cache'" "sent['date'] == 'Mon, 23 Nov 2026 10:00:00 GMT'" \
  "not {'user-agent', 'te', 'keep-alive', 'proxy-authorization', 'expect', 'x-road-request-hash', 'transfer-encoding'} & set(sent)" \
  "sent['x-road-request-id'] != 'forged'" "sent['x-road-request-id'] == head['x-road-request-id']" "sent['host'] == '127.0.0.1:$behind'"

say "the node adds five headers, makes a number of its own, and tells who asked"
ask "${as[@]}" "$base/api/echo/1"
expect "head['x-road-client'] == '$client'" "head['x-road-service'] == '$provider/api'" "head['x-road-id'].startswith('PE-') and ${uuid/VALUE/head[\'x-road-id\'][3:]}" \
  "${uuid/VALUE/head[\'x-road-request-id\']}" "len(__import__('base64').b64decode(head['x-road-request-hash'])) == 64" "sent['x-road-id'] == head['x-road-id']" "'|' not in head['date']"
ask "${as[@]}" "$base/api/echo/1" -H 'X-Road-Id: prueba-1' -H 'X-Road-UserId: PE40000001' -H 'X-Road-Issue: EXP-1' -H 'X-Road-Represented-Party: GOB/123'
expect "head['x-road-id'] == 'prueba-1'" "sent['x-road-userid'] == 'PE40000001'" "sent['x-road-issue'] == 'EXP-1'" "sent['x-road-represented-party'] == 'GOB/123'"
ask "${as[@]}" "$base/api/echo/1" -H 'X-Road-Id: prueba-1'
error server.clientproxy.invalid_request

say "of several X-Road-Client headers the last one counts, for the system behind as well"
ask -H 'X-Road-Client: PE/GOB/1/other' "${as[@]}" "$base/api/echo/1"
expect "status == 200" "sent['x-road-client'] == '$client'" "head['x-road-client'] == '$client'"
ask "${as[@]}" -H 'X-Road-Client: PE/GOB/1/other' "$base/api/echo/1"
error server.clientproxy.unknown_member

say "identifiers are percent-encoded part by part"
ask -H "X-Road-Client: PE/GOB/20999999001/TR%41MITES" "$base/odd%20code/echo"
expect "status == 200" "head['x-road-service'] == '$provider/odd%20code'" "told['path'] == '/base/echo'"

say "statuses of the system behind pass, redirects are not followed"
for status in 201 204 304 400 404 418 500 503; do
  ask "${as[@]}" "$base/api/status/$status"; expect "status == $status" "'x-road-error' not in head"
done
ask "${as[@]}" "$base/api/moved"
expect "status == 302" "head['location'] == 'http://127.0.0.1:9/elsewhere'"
ask "${as[@]}" "$base/api/empty"
expect "status == 200" "body == b''" "'transfer-encoding' not in head"

say "the system's own headers come back but for those of the connection and of the node"
ask "${as[@]}" "$base/api/headers"
expect "head['x-own'] == '1 | 2'" "head['set-cookie'] == 'a=1 | b=2'" "head['content-type'] == 'application/json; Charset=UTF-8'" \
  "not {'server', 'keep-alive', 'proxy-authenticate'} & set(head)" "head['x-road-id'] != 'forged'" "head['x-road-request-hash'] != 'forged'"

say "the server that is wanted must be one of the provider's"
ask "${as[@]}" "$base/api/echo/1" -H 'X-Road-Security-Server: PE/GOB/20295613620/SS1'
expect "status == 200" "sent['x-road-security-server'] == 'PE/GOB/20295613620/SS1'"
for wrong in PE/GOB/20295613620/SS9 PE/GOB/20999999001/SS1 PE/GOB/20295613620 nonsense; do
  ask "${as[@]}" "$base/api/echo/1" -H "X-Road-Security-Server: $wrong"; error server.clientproxy.invalid_security_server
done

say "mistakes of a system have a name each"
ask "$base/api/echo/1"; error server.clientproxy.invalid_client_identifier
ask -H 'X-Road-Client: PE/GOB' "$base/api/echo/1"; error server.clientproxy.invalid_client_identifier
ask -H 'X-Road-Client: PE/GOB/20999999001/NADIE' "$base/api/echo/1"; error server.clientproxy.unknown_member
ask -X PROPFIND "${as[@]}" "$base/api/echo/1"; error server.clientproxy.invalid_http_method
ask "${as[@]}" "http://127.0.0.1:$plain/r1/PE/GOB/1"; error server.clientproxy.invalid_request
ask "${as[@]}" "http://127.0.0.1:$plain/r2/$provider/api"; error server.clientproxy.invalid_protocol_version
ask "${as[@]}" "http://127.0.0.1:$plain/elsewhere"; error server.clientproxy.invalid_request
ask "${as[@]}" "http://127.0.0.1:$plain/r1/PE/GOB/1/NADIE/api"; error server.clientproxy.unknown_member
ask "${as[@]}" "$base/api/echo/1" -H 'X-Road-Represented-Party: a/b/c'; error server.clientproxy.invalid_request
ask "${as[@]}" "$base/api/echo/$(head -c 9000 /dev/zero | tr '\0' a)"; error server.clientproxy.invalid_request

say "a member itself asks under rights of its own, which are not those of its subsystems"
ask -H "X-Road-Client: $member" -H 'X-Road-Id: member-1' "$base/api/echo/member"
expect "status == 200" "head['x-road-client'] == '$member'" "sent['x-road-client'] == '$member'" "head['x-road-service'] == '$provider/api'"
ask -H "X-Road-Client: $member" "$base/api/echo/1"; error server.serverproxy.access_denied
ask -H "X-Road-Client: $member" "$base/agreed/echo/1"; error server.serverproxy.access_denied
ask -H "X-Road-Client: $member" "$base/allowedMethods"
expect "status == 200" "[s['service_code'] for s in told['service']] == ['api']"
ask -H 'X-Road-Client: PE/GOB/20295613620' "$base/api/echo/member"; error server.clientproxy.unknown_member
ask "http://127.0.0.1:$plain/asic?queryId=member-1&xRoadInstance=PE&memberClass=GOB&memberCode=20999999001&requestOnly&unique&force"
expect "status == 200"; cp "$work/body" "$work/member.asice"
ask "http://127.0.0.1:$plain/verificationconf"; cp "$work/body" "$work/conf.zip"
"$tambo" verify "$work/member.asice" --conf "$work/conf.zip" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "verifying a member's request"; }

say "what the other side refuses is told with its code"
ask "${as[@]}" "$base/nothing"; error server.serverproxy.unknown_service
ask "${as[@]}" "$base/api/elsewhere"; error server.serverproxy.access_denied
ask "${as[@]}" -X POST "$base/api/status/200"; error server.serverproxy.access_denied
ask "${as[@]}" "$base/hidden/"; error server.serverproxy.access_denied
ask "${as[@]}" "$base/agreed/"; error server.serverproxy.access_denied
ask "${as[@]}" "$base/closed/"; error server.serverproxy.service_disabled; expect "'Volvemos el lunes' in told['message']"
ask "${as[@]}" "$base/gone/"; error server.serverproxy.network_error; expect "'$nobody' not in told['message']"
ask "${as[@]}" "$base/nameless/"; error server.serverproxy.unknown_host
ask "${as[@]}" "$base/homeless/"; error server.serverproxy.service_missing_url
ask "${as[@]}" "$base/slow/slow/5"; error server.serverproxy.io_error
ask "${as[@]}" "$base/slow/slow/0"; expect "status == 200"

say "groups give rights to their members alone"
ask "${as[@]}" "$base/api/group"; expect "status == 200"
ask "${as[@]}" "$base/api/secret"; error server.serverproxy.access_denied
ask "${as[@]}" "$base/api/global"; error server.serverproxy.access_denied

say "paths are read in one way only"
for path in 'echo/..%2fsecret' 'echo/%2e%2e/secret' 'echo/..;/secret' 'echo/%252e%252e/secret' 'echo/../../secret' 'echo/../secret' 'echo/a%2fb' 'echo/a%5cb' 'echo/%00' '/secret' 'echo/;/x'; do
  ask --path-as-is "${as[@]}" "$base/api/$path"; error server.serverproxy.access_denied
done
ask --path-as-is "${as[@]}" "$base/api/echo/./a//b/../c;v=1"; expect "told['path'] == '/base/echo/a/c;v=1'"

say "errors are told in the form that is asked for, and lead to the log"
for accept in application/xml text/xml 'text/*' 'text/html;q=0.5, Application/XML;q=0.1'; do
  ask "${as[@]}" "$base/nothing" -H "Accept: $accept"
  expect "status == 500" "head['x-road-error'] == 'server.serverproxy.unknown_service'" "'xml' in head['content-type']" \
    "(lambda e: e.tag == 'error' and [x.tag for x in e] == ['type', 'message', 'detail'] and e[0].text == head['x-road-error'])(__import__('xml.etree.ElementTree').etree.ElementTree.fromstring(body))"
done
ask "${as[@]}" "$base/nothing" -H 'Accept: application/json'
expect "head['content-type'].startswith('application/json')" "${uuid/VALUE/told[\'detail\']}"
detail=$("$python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["detail"])' "$work/body")
grep -q "$detail" "$work/ollantaytambo.log" || fail "the reference $detail is not in the log"
number=$("$python" -c 'import re, sys; print(re.search(r"(?im)^x-road-id: *(\S+)", open(sys.argv[1]).read())[1])' "$work/head")
for name in "$detail" "$number"; do
  "$tambo" why "$name" --config "$country/ollantaytambo/settings.toml" --language en > "$work/why" 2>&1 || true
  grep -q "offers no such service" "$work/why" || fail "why does not know $name: $(cat "$work/why")"
done

say "listClients tells members and subsystems, in JSON and XML"
ask "http://127.0.0.1:$plain/listClients" -H 'Accept: application/json'
expect "status == 200" "head['content-type'].startswith('application/json')" "len(told['member']) == 10" \
  "{'id': {'object_type': 'SUBSYSTEM', 'xroad_instance': 'PE', 'member_class': 'GOB', 'member_code': '20999999001', 'subsystem_code': 'TRAMITES'}, 'name': 'Municipalidad Distrital de Ollantaytambo'} in told['member']" \
  "sum(m['id']['object_type'] == 'MEMBER' for m in told['member']) == 5"
ask "http://127.0.0.1:$plain/listClients?xRoadInstance=PE"
expect "status == 200" "head['content-type'].startswith('text/xml')" \
  "len(__import__('xml.etree.ElementTree').etree.ElementTree.fromstring(body).findall('{http://x-road.eu/xsd/xroad.xsd}member')) == 10"
ask "http://127.0.0.1:$plain/listClients?xRoadInstance=XX"; error server.clientproxy.internal_error
ask -X POST "http://127.0.0.1:$plain/listClients"; error server.clientproxy.invalid_http_method

say "listMethods and allowedMethods tell services and endpoints, signed like any message"
ask "${as[@]}" "$base/listMethods"
expect "status == 200" "head['x-road-service'] == '$provider/listMethods'" "{s['service_code'] for s in told['service']} >= {'api', 'hidden', 'persona', 'closed', 'odd code'}" \
  "[s for s in told['service'] if s['service_code'] == 'api'] == [{'object_type': 'SERVICE', 'service_type': 'OPENAPI', 'xroad_instance': 'PE', 'member_class': 'GOB', 'member_code': '20295613620', 'subsystem_code': 'IDENTIDAD', 'service_code': 'api', 'endpoint_list': [{'method': 'GET', 'path': '/echo/*'}, {'method': 'PUT', 'path': '/echo/*'}, {'method': 'GET', 'path': '/secret'}]}]" \
  "not {'listMethods', 'allowedMethods', 'getOpenAPI'} & {s['service_code'] for s in told['service']}"
number=$("$python" -c 'import re, sys; print(re.search(r"(?im)^x-road-id: *(\S+)", open(sys.argv[1]).read())[1])' "$work/head")
ask "${as[@]}" "$base/allowedMethods"
expect "'hidden' not in {s['service_code'] for s in told['service']}" "{'api', 'persona'} <= {s['service_code'] for s in told['service']}" \
  "[s['endpoint_list'] for s in told['service'] if s['service_code'] == 'api'] == [[{'method': 'GET', 'path': '/echo/*'}, {'method': 'PUT', 'path': '/echo/*'}]]"
ask -X POST "${as[@]}" "$base/listMethods" -d x; error server.serverproxy.unknown_service
ask "${as[@]}" "$base/getWsdl?serviceCode=api"; error server.serverproxy.service_type

say "getOpenAPI tells the description without the host behind it"
ask "${as[@]}" "$base/getOpenAPI?serviceCode=api"
expect "status == 200" "told['openapi'] == '3.0.1'" "[s['url'] for s in told['servers']] == ['/base', 'https://{host}/v1']" "b'$behind' not in body"
ask "${as[@]}" "$base/getOpenAPI"; error server.serverproxy.invalid_request
ask "${as[@]}" "$base/getOpenAPI?serviceCode=nothing"; error server.serverproxy.internal_error
ask "${as[@]}" "$base/getOpenAPI?serviceCode=closed"; error server.serverproxy.internal_error

say "health is told on any path"
for path in / /any/path; do ask "http://127.0.0.1:$health$path"; expect "status == 200" "body == b''"; done

say "HTTP admits HTTPS too, with and without a certificate"
secure=https://127.0.0.1:$tls/r1/$provider/api/echo/1
mine=(--cert "$country/ollantaytambo/system.crt" --key "$work/system.key")
foreign=(--cert "$work/other.crt" --key "$work/other.key")
ask -k "${as[@]}" "$secure"; expect "status == 200"
ask -k "${mine[@]}" "${as[@]}" "$secure"; expect "status == 200"

say "HTTPS without authentication refuses HTTP alone; codes are spelled as the setting says"
restart_client https dotted
ask "${as[@]}" "$base/api/echo/1"; error Server.ClientProxy.SslAuthenticationFailed
ask "${as[@]}" "$base/api/elsewhere" ; error Server.ClientProxy.SslAuthenticationFailed
ask -k "${as[@]}" "$secure"; expect "status == 200"
ask -k "${as[@]}" "https://127.0.0.1:$tls/r1/$provider/nothing"; error Server.ServerProxy.UnknownService

say "mutual authentication wants a certificate of the list, and proof of its key"
restart_client mutual
ask "${as[@]}" "$base/api/echo/1"; error server.clientproxy.ssl_authentication_failed
ask -k "${as[@]}" "$secure"; error server.clientproxy.ssl_authentication_failed
ask -k "${foreign[@]}" "${as[@]}" "$secure"; error server.clientproxy.ssl_authentication_failed
ask -k "${mine[@]}" "${as[@]}" "$secure"; expect "status == 200"

"$tambo" check --config "$country/ollantaytambo/settings.toml" --brief >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check"; }
[ -n "$number" ] || fail "no message number"
for body in ollantaytambo identidad; do
  if grep -q panicked "$work/$body.log"; then show "$work/$body.log"; fail "$body panicked"; fi
done
say; ok "both nodes are whole"
