#!/usr/bin/env bash
# Measures the shipped starter text model on the held-out prompts. Needs WordNet's files as train.sh does, and the word lists of
# the Debian packages wamerican and wbritish (WORDS=folder). Writes work/report/report.txt and answers.txt.
set -euo pipefail
cd "$(dirname "$0")"
work="${WORK:-work}"
mkdir -p "$work"
if [ -z "${PYTHON:-}" ]; then
  [ -d "$work/venv" ] || python3 -m venv "$work/venv"
  PYTHON="$work/venv/bin/python"
  "$PYTHON" -m pip install --quiet --requirement requirements.txt
fi
"$PYTHON" evaluate.py --model "${MODEL:-../../models/starter-text}" --words "${WORDS:-/usr/share/dict}" --out "$work/report" "$@"
