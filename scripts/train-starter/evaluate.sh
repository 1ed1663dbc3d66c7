#!/usr/bin/env bash
# Measures the shipped starter model against the held-out instructions and photos. Needs the weights of a training: train.sh leaves
# them in work/. Writes work/report.txt and one contact sheet a photo.
set -euo pipefail
cd "$(dirname "$0")"
work="${WORK:-work}"
"${PYTHON:-$work/venv/bin/python}" evaluate.py --model ../../models/starter/model.onnx --text "$work/text.pt" --mask "$work/mask.pt" --out "$work/report" "$@"
