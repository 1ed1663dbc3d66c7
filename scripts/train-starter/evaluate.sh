#!/usr/bin/env bash
# Measures the shipped starter model against the held-out instructions and photos. The weights behind it are in checkpoints/;
# those of a training of your own are in work/ (WEIGHTS=work). Writes work/report.txt and one contact sheet a photo.
set -euo pipefail
cd "$(dirname "$0")"
work="${WORK:-work}"
weights="${WEIGHTS:-checkpoints}"
mkdir -p "$work"
if [ -z "${PYTHON:-}" ]; then
  [ -d "$work/venv" ] || python3 -m venv "$work/venv"
  PYTHON="$work/venv/bin/python"
  "$PYTHON" -m pip install --quiet --requirement requirements.txt
fi
"$PYTHON" evaluate.py --model ../../models/starter/model.onnx --text "$weights/text.pt" --mask "$weights/mask.pt" --out "$work/report" "$@"
