#!/usr/bin/env bash
# All that a GPU has to show, in ten minutes: its tests, then the table. Run it in a checkout.
# Needs torch, torchvision, einops, numpy, OpenCV and pytest; see benchmarks/README.md for its options.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="src:.${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
exec "${PYTHON:-python3}" -m benchmarks.gpu "$@"
