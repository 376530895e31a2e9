# The journey and what it must leave; for the two scripts that walk it, one on each engine.

evidence_count() { find "$1" -maxdepth 1 -name "$2" -size +0 | wc -l; }

# walk_journey FOLDER [OPTIONS...]
walk_journey() {
  local folder=$1 log=$work/journey.log began evidence=$1/evidence name
  shift
  began=$(now_ms)
  "$tambo" demo --journey --data "$folder" --fresh --port "$(free_ports 10)" "$@" >"$log" 2>&1 || { show "$log"; fail "the journey"; }
  ok "the journey, start and stop included: $(($(now_ms) - began)) ms"
  grep -E 'The journey took' "$log"
  if grep -q 'panicked' "$log"; then show "$log"; fail "something panicked on the way"; fi
  for name in resolution.pdf silence.pdf receipt.txt trust/root.pem trust/tsa.crt trust/PE/shared-params.xml trust/log-keys.txt; do
    [ -s "$evidence/$name" ] || fail "the journey left no $name"
  done
  # Three registries were asked about the first person: a container for each direction, a proof from each side.
  [ "$(evidence_count "$evidence" '*-question.asice')" -eq 3 ] || fail "3 questions expected"
  [ "$(evidence_count "$evidence" '*-answer.asice')" -eq 3 ] || fail "3 answers expected"
  [ "$(evidence_count "$evidence" '*.tlog-proof')" -eq 6 ] || fail "6 proofs expected"
  grep -Eq '^number +EXP-[0-9]{6}-[0-9]{4}$' "$evidence/receipt.txt" || fail "no number in the receipt"
  "$tambo" verify --trust "$evidence/trust" "$evidence"/*.pdf "$evidence"/*.asice "$evidence"/*.tlog-proof >"$work/verify.log" ||
    { show "$work/verify.log"; fail "the evidence is not valid to another process"; }
  ok "$(grep -c '^  VALID$' "$work/verify.log") files valid"
  # Without anybody trusted, nothing may be called valid.
  refused 'not proven valid' "$tambo" verify "$evidence/resolution.pdf"
  check_country "$folder"
}

# check_country FOLDER: `tambo check` finds nothing on any body.
check_country() {
  local body
  for body in autoridad identidad tributos poderes ollantaytambo; do
    "$tambo" check --config "$1/$body/settings.toml" --brief --deep >"$work/check.log" 2>&1 || { show "$work/check.log"; fail "check of $body"; }
  done
  ok "check finds nothing wrong with five bodies"
}

# repeat_journey FOLDER FIRST [OPTIONS...]: another walk over the same data, whose first case has the number FIRST; the
# country survived its stop, its ports have changed.
repeat_journey() {
  local folder=$1 first number
  first=$(printf 'EXP-%06d' "$2")
  shift 2
  "$tambo" demo --journey --data "$folder" --port "$(free_ports 10)" "$@" >"$work/again.log" 2>&1 || { show "$work/again.log"; fail "a journey over the same data"; }
  number=$(grep -Eo 'EXP-[0-9]{6}' "$work/again.log" | head -n 1)
  [ "$number" = "$first" ] || fail "the next journey's first case is $number, not $first"
  ok "another journey over the same data goes on with $number"
}
