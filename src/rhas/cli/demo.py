"""``rhas demo``: a first result, with all that the project brings along."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from rhas.base.checkpoints import find_built_in
from rhas.cli.output import print_note
from rhas.cli.segment import ModelChoice, segment_one, show_summary
from rhas.config.profiles import read_profiled_params


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the film and all results.")] = Path("demo"),
) -> None:
    """Draw a short film, and segment it with the built-in models: a minute and a half.

    Nothing is downloaded. No model was trained on this film. Open OUT/index.html.
    """
    from rhas.segment.request import check_output_folder

    check_output_folder(out)
    from rhas.mini import demo_spec, simulate_film  # takes seconds to import

    spec = demo_spec()
    references = simulate_film(spec).references
    film = out / spec.file_name
    if not film.is_file():
        print_note(f"drawing {film}: {spec.seconds:g} seconds, {len(references)} people")
        _draw_film(film)
    params = read_profiled_params(None, "mini")
    model = find_built_in(f"weights/{params.method}")
    chosen = ModelChoice(model, None, None)
    show_summary(segment_one(film, references, out, chosen, params, overlay=True), as_json=False)


def _draw_film(film: Path) -> None:
    from rhas.mini import demo_spec, write_film

    film.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=film.parent) as folder:
        write_film(demo_spec(), Path(folder))
        os.replace(Path(folder) / film.name, film)
