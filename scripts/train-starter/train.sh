#!/usr/bin/env bash
# Trains the starter model and writes models/starter/model.onnx and model.json. Needs Python 3.11 or later and, for the two
# trainings side by side, two cores. TEXT_MINUTES and MASK_MINUTES (processor time) set how long each net trains; OUT and
# MANIFEST say where the model goes (WORK=/tmp/try OUT=/tmp/try/model.onnx MANIFEST=/tmp/try/model.json for a try).
set -euo pipefail
cd "$(dirname "$0")"
work="${WORK:-work}"
out="${OUT:-../../models/starter/model.onnx}"
manifest="${MANIFEST:-../../models/starter/model.json}"
mkdir -p "$work"
if [ -z "${PYTHON:-}" ]; then
  [ -d "$work/venv" ] || python3 -m venv "$work/venv"
  PYTHON="$work/venv/bin/python"
  "$PYTHON" -m pip install --quiet --requirement requirements.txt
fi
export OMP_NUM_THREADS=1
nice -n 19 "$PYTHON" mask_net.py --minutes "${MASK_MINUTES:-60}" --out "$work/mask.pt" > "$work/mask.log" 2>&1 &
mask=$!
trap 'kill "$mask" 2>/dev/null || true' EXIT
nice -n 19 "$PYTHON" text_net.py --minutes "${TEXT_MINUTES:-60}" --out "$work/text.pt" 2>&1 | tee "$work/text.log"
wait "$mask"
trap - EXIT
unset OMP_NUM_THREADS
"$PYTHON" export.py --text "$work/text.pt" --mask "$work/mask.pt" --out "$out" --manifest "$manifest"
"$PYTHON" evaluate.py --model "$out" --text "$work/text.pt" --mask "$work/mask.pt" --out "$work/report"
