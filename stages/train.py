"""samples -> models/<method>/: the fitted method; its curves -> results/train/."""

from contextlib import ExitStack
from pathlib import Path

from dvclive import Live

from rhas.base.files import write_json
from rhas.chunk import Samples
from rhas.config.section import read_section
from rhas.config.train import TrainConfig
from rhas.engine.stage import new_folder, params, run, stage_lock, work_root
from rhas.methods import reads_tokens
from rhas.train import fit, run_key, team

SAMPLES, MODELS, CURVES = Path("data/samples"), Path("models"), Path("results/train")
WORKSPACE = Path(".dvc/tmp/rhas")


def main() -> None:
    values = params("train")
    config = read_section(TrainConfig, values)
    method = config.method
    if config.processes > 1 and not team.started():
        team.start(config.processes)
    tokens = reads_tokens(method)
    root, this = work_root(), f"train/{run_key(config, SAMPLES)}"
    folder, live = MODELS / method, None
    with ExitStack() as stack:
        if team.rank() == 0:
            stack.enter_context(stage_lock("train", WORKSPACE))
            stack.enter_context(stage_lock(this, root))
            folder = stack.enter_context(new_folder(folder))
            live = stack.enter_context(Live(str(CURVES), save_dvc_exp=False, dvcyaml=None))
        report = fit(
            Samples(SAMPLES, "train", tokens),
            Samples(SAMPLES, "val", tokens),
            config,
            out=folder,
            resume=root / this,
            live=live,
        )
        if team.rank() == 0:
            write_json(folder / "report.json", report)


if __name__ == "__main__":
    run(main)
