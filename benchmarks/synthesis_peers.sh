#!/usr/bin/env bash
# Makes an environment of its own for each peer that benchmarks/synthesis.py runs beside ours.
#   benchmarks/synthesis_peers.sh FOLDER
set -euo pipefail
folder=${1:?name a folder for the environments}
declare -A wanted=(
  [abatch]="langchain-openai"
  [distilabel]="distilabel[openai] requests"
)
for name in "${!wanted[@]}"; do
  python3 -m venv "$folder/$name"
  # shellcheck disable=SC2086 # several packages in one string
  "$folder/$name/bin/pip" install --quiet --disable-pip-version-check ${wanted[$name]}
done
