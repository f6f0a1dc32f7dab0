"""model + samples + tracks -> results/: scores, metrics, measures of grounding, pictures."""

from pathlib import Path

import rhas.base.program
from rhas.config.evaluate import EvaluateConfig
from rhas.config.section import read_section
from rhas.engine.stage import declared_params, stage_lock
from rhas.evaluate.stage import evaluate_run
from rhas.report.inputs import SETTINGS, RunInputs
from rhas.stores.dataset import DatasetPaths

SAMPLES, MODELS, OUT = Path("data/samples"), Path("models"), Path("results")
LOCK = Path("dvc.lock")
STORES = DatasetPaths(
    Path("data/raw"), Path("data/frames"), Path("data/boxes"), Path("data/tracks")
)


def main() -> None:
    values = declared_params("evaluate")
    config = read_section(EvaluateConfig, values)
    settings = {name: values[name] for name in SETTINGS}
    inputs = RunInputs(STORES, SAMPLES, MODELS / values["method"], settings, LOCK)
    with stage_lock("evaluate"):
        evaluate_run(inputs, config, OUT)


if __name__ == "__main__":
    rhas.base.program.run_script(main)
