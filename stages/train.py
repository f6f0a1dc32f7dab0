"""samples -> models/<method>/: the fitted method; its curves -> results/train/."""

from pathlib import Path

from dvclive import Live

from rhas.base.config import from_mapping
from rhas.chunk import Samples
from rhas.engine.stage import new_folder, params, run, stage_lock, work_root, write_json
from rhas.train import TrainConfig, fit

SAMPLES, MODELS, CURVES = Path("data/samples"), Path("models"), Path("results/train")


def main() -> None:
    values = params("train")
    method = values["method"]
    own = {"method": method, "seed": values["seed"], **values["train"]}
    config = from_mapping(TrainConfig, own, "params.yaml, train")
    root = work_root()
    with (
        stage_lock("train", root),
        new_folder(MODELS / method) as folder,
        Live(str(CURVES), save_dvc_exp=False, dvcyaml=None) as live,
    ):
        report = fit(
            Samples(SAMPLES, "train"),
            Samples(SAMPLES, "val"),
            config,
            out=folder,
            resume=root / "train" / method,
            live=live,
        )
        write_json(folder / "report.json", report)


if __name__ == "__main__":
    run(main)
