"""``rhas demo``: a first result, from what comes with the project alone."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rhas.base.checkpoints import checkpoint_folder
from rhas.cli.output import print_note
from rhas.cli.segment import ModelChoice, segment_one, show_summary
from rhas.config.profiles import read_profiled_params

if TYPE_CHECKING:  # takes seconds to import
    from rhas.mini import FilmSpec


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the film and all results.")] = Path("demo"),
) -> None:
    """Draw a film of 40 seconds, and segment it with the built-in models: about a minute.

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
        _draw_film(spec, film)
    params = read_profiled_params(None, "mini")
    model = checkpoint_folder(f"weights/{params.method}")
    chosen = ModelChoice(model, None, None)
    show_summary(segment_one(film, references, out, chosen, params, overlay=True), as_json=False)


def _draw_film(spec: FilmSpec, film: Path) -> None:
    from rhas.mini import write_film

    film.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=film.parent) as folder:
        write_film(spec, Path(folder))
        os.replace(Path(folder) / film.name, film)
