#!/usr/bin/env bash
# Trains the starter model for pictures and writes models/starter-image. Needs Python 3.11 or later; one core is used.
# VAE_MINUTES, UNET_MINUTES and DECODER_MINUTES (by the clock) set how long each net trains, SCENES how many pictures are
# drawn; the first two trainings go on from their last checkpoint in WORK. OUT says where the model goes.
set -euo pipefail
cd "$(dirname "$0")"
work="${WORK:-work}"
out="${OUT:-../../models/starter-image}"
mkdir -p "$work"
if [ -z "${PYTHON:-}" ]; then
  [ -d "$work/venv" ] || python3 -m venv "$work/venv"
  PYTHON="$work/venv/bin/python"
  "$PYTHON" -m pip install --quiet --requirement requirements.txt
fi
export OMP_NUM_THREADS=1
[ -f "$work/scenes.pkl" ] || nice -n 19 "$PYTHON" dataset.py --out "$work" --count "${SCENES:-7000}"
nice -n 19 "$PYTHON" train_vae.py --work "$work" --minutes "${VAE_MINUTES:-30}"
nice -n 19 "$PYTHON" train_unet.py --work "$work" --minutes "${UNET_MINUTES:-90}"
nice -n 19 "$PYTHON" train_decoder.py --work "$work" --minutes "${DECODER_MINUTES:-20}"
"$PYTHON" export.py --work "$work" --out "$out" ${GOLDEN:+--golden "$GOLDEN"}
"$PYTHON" evaluate.py --work "$work" --out "$work/report"
