"""dataset settings -> data/raw: the films, their references and annotations, a manifest."""

from pathlib import Path

import rhas.base.program
from rhas.base.names import unknown_name
from rhas.config.mini import MiniConfig
from rhas.config.section import read_section
from rhas.engine.stage import declared_params, new_folder, stage_run, work_root
from rhas.engine.workcache import WorkCache
from rhas.prepare.rendered import prepare_mini
from rhas.prepare.user_films import assemble_user_films

OUT = Path("data/raw")


def main() -> None:
    values, cache = declared_params("prepare"), WorkCache(work_root())
    with stage_run("prepare", cache), new_folder(OUT) as folder:
        if values["dataset"] == "mini":
            prepare_mini(read_section(MiniConfig, values), cache, folder)
        elif values["dataset"] == "own":
            assemble_user_films(Path("data/own"), folder)
        else:
            raise unknown_name("data set", str(values["dataset"]), ["mini", "own"], "dataset")


if __name__ == "__main__":
    rhas.base.program.run_script(main)
