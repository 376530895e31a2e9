#!/usr/bin/env bash
# Other people's programs judge what the journey leaves: pyHanko, pdfsig, qpdf, outloud and pdfua the documents, xmlsec1
# and openssl the containers, and scripts from the specifications the hash chains and the log. Each judge is also shown
# something false and must say so; one that can't say no proves nothing.
. "$(dirname "$0")/lib/common.bash"

evidence=${TAMBO_EVIDENCE:-$work/country/evidence}
if [ -z "${TAMBO_EVIDENCE:-}" ]; then
  "$tambo" demo --journey --data "$work/country" --port "$(free_ports 10)" >"$work/journey.log" 2>&1 || { show "$work/journey.log"; fail "the journey"; }
fi
trust=$evidence/trust
"$python" "$oracles/flip.py" "$evidence/resolution.pdf" "$work/changed.pdf" 0.3
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Nobody" -days 2 -keyout "$work/nobody.key" -out "$work/nobody.pem" 2>/dev/null

pdf_by_pyhanko() {
  "$python" -c 'import pyhanko' 2>/dev/null || { not_run "pyHanko on the documents: it is not installed"; return; }
  "$python" "$oracles/pdf.py" "$trust/root.pem" "$evidence"/*.pdf || fail "pyHanko does not accept a document"
  refused WRONG "$python" "$oracles/pdf.py" "$work/nobody.pem" "$evidence/resolution.pdf"
  refused WRONG "$python" "$oracles/pdf.py" "$trust/root.pem" "$work/changed.pdf"
  ok "pyHanko: both documents valid with the root alone, nothing fetched; not with another root, not changed"
}

pdf_by_poppler() {
  has pdfsig || { not_run "pdfsig: it is not installed"; return; }
  local file
  for file in "$evidence"/*.pdf; do
    pdfsig -nocert "$file" >"$work/pdfsig.log" 2>&1 || { show "$work/pdfsig.log"; fail "pdfsig on $file"; }
    grep -q 'Signature Validation: Signature is Valid\.' "$work/pdfsig.log" || { show "$work/pdfsig.log"; fail "pdfsig does not call $file valid"; }
    grep -q 'Total document signed' "$work/pdfsig.log" || fail "pdfsig: the signature does not cover all of $file"
  done
  if pdfsig -nocert "$work/changed.pdf" 2>/dev/null | grep -q 'Signature is Valid\.'; then fail "pdfsig calls a changed document valid"; fi
  ok "pdfsig: both signatures valid, total document signed"
}

pdf_form() {
  local file
  if has qpdf; then
    for file in "$evidence"/*.pdf; do qpdf --check "$file" >"$work/qpdf.log" 2>&1 || { show "$work/qpdf.log"; fail "qpdf on $file"; }; done
    ok "qpdf: no errors, no warnings"
  else not_run "qpdf: it is not installed"; fi
  if [ -x "$tools/bin/outloud" ]; then
    "$tools/bin/outloud" --fail-on warning "$evidence"/*.pdf >"$work/outloud.log" 2>&1 || { show "$work/outloud.log"; fail "outloud finds something after signing"; }
    grep -E '^PASS' "$work/outloud.log"
    ok "outloud: accessible after signing"
  else not_run "outloud: it is not installed"; fi
  if [ -x "$tools/bin/pdfua" ]; then
    "$tools/bin/pdfua" check "$evidence"/*.pdf >"$work/pdfua.log" 2>&1 || { show "$work/pdfua.log"; fail "pdfua finds something after signing"; }
    ok "pdfua: no findings after signing"
  else not_run "pdfua: it is not installed"; fi
}

# The references of X-Road's form begin with a slash: the file is told by name where it lies.
xades() { # xades FOLDER ROOT
  (cd "$1" && xmlsec1 --verify --url-map:/sig-hashchainresult.xml sig-hashchainresult.xml --enabled-key-data x509 \
    --id-attr:Id "http://uri.etsi.org/01903/v1.3.2#:SignedProperties" --trusted-pem "$2" META-INF/signatures.xml)
}
batch_stamp() { # batch_stamp FOLDER ROOT
  openssl ts -verify -token_in -in "$1/META-INF/timestamp.tst" -data "$1/ts-hashchainresult.xml" -CAfile "$2"
}

containers() {
  has unzip || { not_run "containers: unzip is not installed"; return; }
  local file folder=
  mkdir -p "$work/unzipped"
  for file in "$evidence"/*.asice; do
    folder=$work/unzipped/$(basename "$file" .asice)
    unzip -q "$file" -d "$folder" || fail "unzip $file"
    if has xmlsec1; then
      xades "$folder" "$trust/root.pem" >"$work/xmlsec.log" 2>&1 || { show "$work/xmlsec.log"; fail "xmlsec1 on $file"; }
      grep -q 'References (ok/all): 2/2' "$work/xmlsec.log" || { show "$work/xmlsec.log"; fail "xmlsec1 did not verify two references of $file"; }
    fi
    batch_stamp "$folder" "$trust/root.pem" >"$work/ts.log" 2>&1 || { show "$work/ts.log"; fail "openssl ts on $file"; }
  done
  "$python" "$oracles/containers.py" "$work"/unzipped/* || fail "a hash chain does not lead to the message"
  local others=$work/others
  cp -a "$folder" "$others"
  if has xmlsec1; then
    refused 'ERROR|FAIL|[Ff]ailed' xades "$folder" "$work/nobody.pem"
    "$python" "$oracles/flip.py" "$folder/sig-hashchainresult.xml" "$others/sig-hashchainresult.xml" 0.8
    refused 'FAIL|[Ff]ailed' xades "$others" "$trust/root.pem"
    ok "xmlsec1: the XAdES of $(ls "$work/unzipped" | wc -l) containers, two references each; not with another root, not changed"
  else not_run "xmlsec1: it is not installed"; fi
  refused 'FAILED' batch_stamp "$folder" "$work/nobody.pem"
  "$python" "$oracles/flip.py" "$folder/ts-hashchainresult.xml" "$others/ts-hashchainresult.xml" 0.8
  refused 'FAILED' batch_stamp "$others" "$trust/root.pem"
  ok "openssl ts: every batch time stamp, with the root alone; not with another root, not changed"
  cp -a "$folder/." "$others/"
  "$python" "$oracles/flip.py" "$folder/message.xml" "$others/message.xml" 0.5
  refused WRONG "$python" "$oracles/containers.py" "$others"
  ok "hash chains recomputed from signature to message and from time stamp to signature; a changed message is found"
}

# An agreement is two containers, one signed by each body, with the same text: its signatures were judged above with all
# others; here it is shown that the text, the certificates and the two bodies are what they should be.
agreement() {
  has unzip || { not_run "agreement: unzip is not installed"; return; }
  local one=("$work"/unzipped/agreement-*-propose) other=("$work"/unzipped/agreement-*-accept) act signer
  [ -f "${one[0]}/attachment1" ] || fail "the journey left no agreement"
  cmp "${one[0]}/attachment1" "${other[0]}/attachment1" || fail "the two bodies signed different texts"
  "$python" - "${one[0]}/attachment1" <<'PY' || fail "the text is not in RFC 8785's form"
import json, sys
text = open(sys.argv[1], "rb").read()
terms = json.loads(text)
assert json.dumps(terms, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() == text
assert terms["form"] == "tambo-agreement-1" and terms["client"].startswith(terms["proposer"] + "/")
PY
  for act in propose accept; do
    local folder=("$work"/unzipped/agreement-*-"$act")
    "$python" -c 'import re, sys; print("-----BEGIN CERTIFICATE-----\n" + re.search(r"X509Certificate>([^<]+)<", open(sys.argv[1]).read()).group(1) + "\n-----END CERTIFICATE-----")' \
      "${folder[0]}/META-INF/signatures.xml" | fold -w 64 >"$work/$act.pem"
    openssl verify -CAfile "$trust/root.pem" "$work/$act.pem" >"$work/verify.log" 2>&1 || { show "$work/verify.log"; fail "openssl verify on the signer of $act"; }
    signer=$(openssl x509 -in "$work/$act.pem" -noout -subject)
    echo "$act: $signer"
  done
  cmp -s "$work/propose.pem" "$work/accept.pem" && fail "one body signed both"
  ok "agreement: the same text under the signatures of two bodies, in RFC 8785's form"
}

log_proofs() {
  "$python" -c 'import cryptography' 2>/dev/null || { not_run "log proofs: Python's cryptography is not installed"; return; }
  "$python" "$oracles/proofs.py" "$trust/log-keys.txt" "$evidence"/*.tlog-proof || fail "a log proof does not hold"
  local file copy
  file=$(ls "$evidence"/*-asker.tlog-proof | head -n 1)
  copy=$work/$(basename "$file")
  cp "${file%-asker.tlog-proof}-question.asice" "$work/"
  "$python" "$oracles/proofs.py" "$trust/log-keys.txt" "$file" >/dev/null
  sed 's/^index .*/index 13/' "$file" >"$copy"
  refused WRONG "$python" "$oracles/proofs.py" "$trust/log-keys.txt" "$copy"
  "$python" "$oracles/flip.py" "$file" "$copy" 0.1
  refused WRONG "$python" "$oracles/proofs.py" "$trust/log-keys.txt" "$copy"
  grep -v witness "$trust/log-keys.txt" >"$work/no-witness.txt"
  refused WRONG "$python" "$oracles/proofs.py" "$work/no-witness.txt" "$file"
  ok "log: every proof recomputed, signed by its log, cosigned by the witness, of the signature in its container"
}

pdf_by_pyhanko
pdf_by_poppler
pdf_form
containers
agreement
log_proofs
