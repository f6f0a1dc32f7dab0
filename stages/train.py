"""samples -> models/<method>/: the fitted method; its curves -> results/train/."""

from pathlib import Path

import rhas.base.program
from rhas.config.extract import ExtractConfig
from rhas.config.section import read_section
from rhas.config.train import TrainConfig
from rhas.engine.stage import declared_params
from rhas.train.stage import run_training

SAMPLES, MODELS, CURVES = Path("data/samples"), Path("models"), Path("results/train")


def main() -> None:
    params = declared_params("train")
    config, encoder = read_section(TrainConfig, params), read_section(ExtractConfig, params)
    run_training(config, encoder, SAMPLES, MODELS, CURVES)


if __name__ == "__main__":
    rhas.base.program.run_script(main)
