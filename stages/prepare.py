"""dataset settings -> data/raw: the films, their references and annotations, a manifest."""

from pathlib import Path

from rhas.base.config import from_mapping
from rhas.base.errors import RhasError
from rhas.engine.stage import compute, new_folder, params, run, stage_lock, work_root
from rhas.engine.workcache import WorkCache
from rhas.mini import MiniConfig
from rhas.prepare.rendered import assemble_mini, mini_jobs, render_film
from rhas.prepare.user_films import assemble_user_films

OUT = Path("data/raw")


def main() -> None:
    values = params("prepare")
    cache = WorkCache(work_root())
    with stage_lock("prepare", cache.root):
        if values["dataset"] == "mini":
            config = from_mapping(MiniConfig, values["mini"], "params.yaml, mini")
            entries = compute(cache, "prepare", render_film, mini_jobs(config))
            with new_folder(OUT) as folder:
                assemble_mini(entries, folder)
        elif values["dataset"] == "own":
            with new_folder(OUT) as folder:
                assemble_user_films(Path("data/own"), folder)
        else:
            raise RhasError(
                "unknown data set",
                where="params.yaml, dataset",
                expected="mini or own",
                got=str(values["dataset"]),
            )


if __name__ == "__main__":
    run(main)
