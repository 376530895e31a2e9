#!/usr/bin/env bash
# The global configuration: X-Road's own containers judged by a folder and by an archive of shared parameters, containers
# that try tricks, and what a running authority publishes, judged by openssl and a reader that shares no code with it.
. "$(dirname "$0")/lib/common.bash"

fixtures=$root/../shared/fixtures/xroad
containers() { # containers PLACE: each of X-Road's samples gets the verdict of its name
  local place=$1 name
  for name in valid-batch-ts valid-non-batch-rest valid-signed-hashchain valid-signed-message; do
    "$tambo" verify "$fixtures/asic/$name.asice" --conf "$place" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "$name by $place"; }
    grep -q '^  VALID$' "$work/verify.log" || fail "$name is not called valid"
  done
  for name in invalid-digest wrong-message; do
    refused '\(invalid_signature_value\)' "$tambo" verify "$fixtures/asic/$name.asice" --conf "$place"
    grep -q '^  INVALID$' "$work/refused.log" || fail "$name is not called invalid"
  done
  refused '2 of 6 files are not proven valid' "$tambo" verify "$fixtures"/asic/*.asice --conf "$place"
}

if [ -d "$fixtures" ]; then
  conf=$fixtures/globalconf
  "$python" - "$conf" "$work" "$fixtures/asic/valid-signed-message.asice" <<'PYTHON'
import pathlib, sys, warnings, zipfile
conf, work, good = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
with zipfile.ZipFile(work / "verificationconf.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name in ("instance-identifier", "DEV/shared-params.xml", "DEV/shared-params.xml.metadata"):
        archive.write(conf / name, "verificationconf/" + name)
parts = {info.filename: zipfile.ZipFile(good).read(info) for info in zipfile.ZipFile(good).infolist()}

def container(name, change=(), more=()):
    with warnings.catch_warnings(), zipfile.ZipFile(work / f"{name}.asice", "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")
        for path, content in {**parts, **dict(change)}.items():
            archive.writestr(path, content)
        for path, content in more:
            archive.writestr(path, content)
        archive.comment = b"mimetype=application/vnd.etsi.asic-e+zip"

signature = parts["META-INF/signatures.xml"].decode()
dtd = signature.replace("<asic:XAdESSignatures", "<!DOCTYPE a [<!ENTITY x 'y'>]><asic:XAdESSignatures", 1)
assert dtd != signature
container("dtd", [("META-INF/signatures.xml", dtd)])
container("bomb", more=[("attachment1", bytes(200 << 20))])
container("double", more=[("message.xml", parts["message.xml"])])
container("path", more=[("../message.xml", b"x")])
container("absolute", more=[("/etc/passwd", b"x")])
container("stranger", more=[("evil.xml", b"x")])
container("same")
with zipfile.ZipFile(work / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    for name in ("instance-identifier", "DEV/shared-params.xml.metadata"):
        archive.write(conf / name, "verificationconf/" + name)
    archive.writestr("verificationconf/DEV/shared-params.xml", bytes(300 << 20))
with zipfile.ZipFile(work / "dtd.zip", "w", zipfile.ZIP_DEFLATED) as archive:
    text = (conf / "DEV/shared-params.xml").read_text()
    lol = "<!DOCTYPE a [<!ENTITY a '" + "x" * 1000 + "'>" + "".join(f"<!ENTITY {n} '{('&' + o + ';') * 10}'>" for o, n in zip("abcdefgh", "bcdefghi")) + "]>"
    archive.writestr("verificationconf/DEV/shared-params.xml", text.replace("?>", "?>" + lol, 1))
PYTHON
  containers "$conf"
  containers "$conf/DEV"
  containers "$work/verificationconf.zip"
  ok "X-Road's six sample containers: by its folder, by the file alone, and by the archive for verifiers"
  "$tambo" verify "$work/same.asice" --conf "$conf" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "packed anew by another program"; }
  for trick in dtd bomb double path absolute; do
    began=$(now_ms)
    refused 'WRONG.*\([a-z_]+\)' "$tambo" verify "$work/$trick.asice" --conf "$conf"
    [ $(($(now_ms) - began)) -lt 5000 ] || fail "$trick takes too long to refuse"
    if grep -q 'panicked' "$work/refused.log"; then fail "$trick makes the program panic"; fi
  done
  for trick in bomb dtd; do
    began=$(now_ms)
    refused "$trick.zip: " "$tambo" verify "$fixtures/asic/valid-batch-ts.asice" --conf "$work/$trick.zip"
    [ $(($(now_ms) - began)) -lt 5000 ] || fail "$trick.zip takes too long to refuse"
  done
  "$tambo" verify "$work/stranger.asice" --conf "$conf" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "a file beside the signed ones, which X-Road's verifier passes over"; }
  grep -q 'nothing covers evil.xml' "$work/verify.log" || fail "a file that nothing covers is not named"
  ok "document types, exploding archives, doubled files and paths that leave the folder are refused; a file that nothing covers is named"
  mkdir -p "$work/other/DEV"
  cp "$fixtures"/signed-conf/V5/*/shared-params.xml "$work/other/DEV/"
  refused 'WRONG' "$tambo" verify "$fixtures/asic/valid-batch-ts.asice" --conf "$work/other"
  mkdir -p "$work/newer/DEV"
  cp "$conf/DEV/shared-params.xml" "$work/newer/DEV/"
  echo '{"configurationVersion":"7"}' >"$work/newer/DEV/shared-params.xml.metadata"
  refused 'unknown version 7' "$tambo" verify "$fixtures/asic/valid-batch-ts.asice" --conf "$work/newer"
  refused 'DEV' "$tambo" verify "$fixtures/asic/valid-batch-ts.asice" --conf "$work/DEV"
  ok "another ecosystem's parameters prove nothing; a version that is not known is said"
else
  not_run "X-Road's samples: $fixtures is not here"
fi

node=$work/node
port=$(free_ports 2)
"$tambo" init --folder "$node" --name "Autoridad de prueba" --number 20999999001 --origin "http://localhost:$port" \
  --administrator 99000101 --administrator-name "Nélida Ttito" </dev/null >"$work/init.log" 2>&1 || { show "$work/init.log"; fail "init"; }
export TAMBO_PAGES_LISTEN=127.0.0.1:$port TAMBO_EXCHANGE_LISTEN=127.0.0.1:$((port + 1)) TAMBO_EXCHANGE_AUTHORITY=http://127.0.0.1:$port
start "$work/serve.log" "$tambo" serve --config "$node/settings.toml"
server=$pid
until_up "http://127.0.0.1:$port/health" "$work/serve.log" "$server"
curl -fsS -o "$work/anchor.xml" "http://127.0.0.1:$port/configuration-anchor.xml" || fail "the anchor"
grep -Eq '<generatedAt>20[0-9-]{8}T[0-9:]{8}Z</generatedAt>' "$work/anchor.xml" || fail "the anchor has no age, and no X-Road server would take it"
"$python" "$oracles/globalconf.py" "http://127.0.0.1:$port" "$work/anchor.xml" "$work/fetched" >"$work/oracle.log" 2>&1 || { show "$work/oracle.log"; fail "the published configuration"; }
ok "openssl verifies what the authority publishes ($(cat "$work/oracle.log")), and no changed byte of it"
if [ -n "${TAMBO_XROAD_SCHEMAS:-}" ] && has xmllint; then
  xmllint --nonet --noout --schema "$TAMBO_XROAD_SCHEMAS/v6/shared-parameters.xsd" "$work/fetched/shared-params.xml" 2>"$work/xmllint.log" || { show "$work/xmllint.log"; fail "shared parameters by X-Road's schema"; }
  xmllint --nonet --noout --schema "$TAMBO_XROAD_SCHEMAS/v3/private-parameters.xsd" "$work/fetched/private-params.xml" 2>"$work/xmllint.log" || { show "$work/xmllint.log"; fail "private parameters by X-Road's schema"; }
  ok "X-Road's schemas accept both files"
else
  not_run "X-Road's schemas: TAMBO_XROAD_SCHEMAS does not name them"
fi
stop "$server"
