#!/usr/bin/env bash
# Makes the command `assay` of this checkout available to the steps that follow: installs it into the checkout's own
# virtual environment, once, and puts that on the path (of a GitHub workflow by its file, else it prints the folder).
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

[ -x "$root/.venv/bin/assay" ] || "$root/.ci/setup" runtime >&2

if [ -n "${GITHUB_PATH:-}" ]; then
  printf '%s\n' "$root/.venv/bin" >> "$GITHUB_PATH"
else
  printf '%s\n' "$root/.venv/bin"
fi
