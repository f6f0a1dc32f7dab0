#!/usr/bin/env bash
# Draws the pictures of docs/TUTORIAL.md from a finished `make repro` and `rhas segment ... --out mini_05`.
# Run it in the project's folder; needs chromium.
set -euo pipefail
out=docs/images work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

screenshot() {  # page, picture, width,height
    chromium --headless --no-sandbox --disable-gpu --disable-background-networking --hide-scrollbars \
        --user-data-dir="$work/profile" --window-size="$3" --screenshot="$2" "file://$(realpath "$1")"
}

rhas inspect data/boxes/mini_05.h5 --person 1 --plot "$work/tutorial_boxes.png"
rhas inspect data/tracks/mini_05.h5 --person 1 --plot "$work/tutorial_tracks.png"
rhas inspect data/features/blip2/mini_05.zarr --person 1 --plot "$work/tutorial_features.png"
screenshot mini_05/index.html "$work/tutorial_page.png" 1000,1130
screenshot results/report.html "$work/tutorial_report.png" 1000,1000
cp results/contact_sheets/mini_05.jpg "$work/tutorial_crops.jpg"
python - "$work" "$out" <<'PY'
import sys
from pathlib import Path

from PIL import Image

for path in sorted(Path(sys.argv[1]).glob("tutorial_*")):
    image = Image.open(path).convert("RGB")
    image.thumbnail((1000, 1200))
    image.save(Path(sys.argv[2]) / f"{path.stem}.webp", quality=70, method=6)
PY
