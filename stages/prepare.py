"""dataset settings -> data/raw: the films, their references and annotations, a manifest."""

from pathlib import Path

from rhas.base.errors import RhasError
from rhas.config.mini import MiniConfig
from rhas.config.section import read_section
from rhas.engine.stage import compute_jobs, new_folder, params, run, stage_lock, work_root
from rhas.engine.workcache import WorkCache
from rhas.prepare.rendered import assemble_mini, mini_jobs
from rhas.prepare.user_films import assemble_user_films

OUT = Path("data/raw")


def main() -> None:
    values = params("prepare")
    cache = WorkCache(work_root())
    with stage_lock("prepare", cache.root):
        if values["dataset"] == "mini":
            config = read_section(MiniConfig, values)
            entries = compute_jobs(cache, "prepare", mini_jobs(config))
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
