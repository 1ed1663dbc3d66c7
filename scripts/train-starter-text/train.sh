#!/usr/bin/env bash
# Trains the starter text model and writes models/starter-text. Needs Python 3.11 or later and WordNet's files: the Debian
# package wordnet-base, or WORDNET=folder. MINUTES sets how long it trains; a run that was cut off goes on from its checkpoint.
# OUT says where the model goes (WORK=/tmp/try OUT=/tmp/try/model for a try).
set -euo pipefail
cd "$(dirname "$0")"
work="${WORK:-work}"
out="${OUT:-../../models/starter-text}"
goldens="${GOLDENS:-../../test/fixtures/golden/starter-text/greedy.json}"
mkdir -p "$work"
if [ -z "${PYTHON:-}" ]; then
  [ -d "$work/venv" ] || python3 -m venv "$work/venv"
  PYTHON="$work/venv/bin/python"
  "$PYTHON" -m pip install --quiet --requirement requirements.txt
fi
export OMP_NUM_THREADS=1
[ -f "$work/tokenizer/tokenizer.json" ] || "$PYTHON" tokenizer.py --out "$work/tokenizer"
nice -n 19 "$PYTHON" train.py --minutes "${MINUTES:-53}" --tokenizer "$work/tokenizer" --out "$work/checkpoint.pt" --curve "$work/curve.jsonl"
"$PYTHON" export.py --checkpoint "$work/checkpoint.pt" --tokenizer "$work/tokenizer" --model "$work/model" --out "$out" --goldens "$goldens"
