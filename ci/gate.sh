#!/usr/bin/env bash
# Scans a release and gates it: what action.yml and ci/gitlab/assay.yml run, and what any other pipeline may run.
#
#   GATE_TARGET    image, directory or archive of the release; or its assessment, snapshot or bundle
#   GATE_BASELINE  recorded baseline, assessment, snapshot or bundle of the release before; none: every failure counts
#   GATE_POLICY    policy file (assay gate init)
#   GATE_WAIVERS   waiver files, one a line, the widest first
#   GATE_PROFILE   profiles, one a line; none: the target's identity chooses
#   GATE_CONTENT   folders of own rules and controls, one a line
#   GATE_LUKS_KEY  key files that open encrypted volumes, one a line
#   GATE_KEY       public keys that bundles must be signed by, one a line; both sides must be bundles then
#   GATE_OUT       folder for what is written (assay-out)
#
# Ends as `assay gate` does: 0 met, 1 not met, 2 usage, 3 incomplete or not comparable, 4 a bundle did not verify.
# An incomplete scan is gated all the same; it is the policy (`complete:`) that ends 3.
set -euo pipefail

out=${GATE_OUT:-assay-out}
target=${GATE_TARGET:-}
if [ -z "$target" ]; then
  echo "assay: GATE_TARGET names nothing to gate" >&2
  exit 2
fi
if [[ "$out" == *$'\n'* ]]; then
  echo "assay: GATE_OUT is one folder, on one line" >&2
  exit 2
fi

# options NAME TEXT : puts `NAME line` for each line of TEXT into the array `found`
options() {
  local line
  found=()
  while IFS= read -r line; do
    line=${line%$'\r'}
    [ -z "$line" ] || found+=("$1" "$line")
  done <<< "$2"
}

judged=()
options --profile "${GATE_PROFILE:-}"; judged+=("${found[@]}")
options --content "${GATE_CONTENT:-}"; judged+=("${found[@]}")
options --luks-key "${GATE_LUKS_KEY:-}"; keys=("${found[@]}")

# is_evidence PATH : a document (assessment, snapshot, recorded baseline) or a bundle, which need no scan
is_evidence() {
  case "$1" in
    *.json | *.zip) return 0 ;;
    *) [ -f "$1/manifest.json" ] && [ -f "$1/SHA256SUMS" ] ;;
  esac
}

mkdir -p "$out"
new=$target
if ! is_evidence "$target"; then
  code=0
  assay scan "$target" "${judged[@]}" "${keys[@]}" -q -o "snapshot=$out/snapshot.json" -o "json=$out/assessment.json" \
    -o "html=$out/report.html" -o "sarif-github=$out/assay.sarif" || code=$?
  if [ "$code" -ne 0 ] && [ "$code" -ne 3 ]; then exit "$code"; fi
  # The snapshot says when the evidence was collected (max_age_days), the assessment does not.
  new=$out/snapshot.json
fi

gate=(assay gate "$new" "${judged[@]}" -o "json=$out/gate.json" -o "markdown=$out/gate.md" -o "junit=$out/gate.junit.xml"
  -o "gitlab=$out/gl-code-quality.json")
[ -z "${GATE_BASELINE:-}" ] || gate+=(--baseline "$GATE_BASELINE")
[ -z "${GATE_POLICY:-}" ] || gate+=(--policy "$GATE_POLICY")
options --waivers "${GATE_WAIVERS:-}"; gate+=("${found[@]}")
options --key "${GATE_KEY:-}"; gate+=("${found[@]}")

rm -f "$out/gate.json"
code=0
"${gate[@]}" || code=$?

if [ -n "${GITHUB_OUTPUT:-}" ]; then
  {
    printf 'exit-code=%s\n' "$code"
    printf 'folder=%s\n' "$out"
    if [ -f "$out/gate.json" ]; then
      printf 'decision=%s\n' "$(sed -n 's/.*"decision":"\([a-z_]*\)".*/\1/p' "$out/gate.json")"
    else
      printf 'decision=none\n'
    fi
  } >> "$GITHUB_OUTPUT"
fi
exit "$code"
