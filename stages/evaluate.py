"""model + samples + tracks -> results/: scores, metrics, grounding, timelines."""

from functools import partial
from pathlib import Path

from rich.console import Console

from rhas.base.classes import CLASSES
from rhas.base.config import from_mapping
from rhas.chunk import Samples
from rhas.engine.stage import params, run, stage_lock, work_root
from rhas.evaluate import EvaluateConfig, evaluate_method
from rhas.evaluate.grounding import Stores, write_grounding
from rhas.evaluate.summary import summary
from rhas.train import load_method

SAMPLES, MODELS, OUT = Path("data/samples"), Path("models"), Path("results")
STORES = Stores(Path("data/raw"), Path("data/frames"), Path("data/boxes"), Path("data/tracks"))


def main() -> None:
    values = params("evaluate")
    own = {"seed": values["seed"], **values["evaluate"]}
    config = from_mapping(EvaluateConfig, own, "params.yaml, evaluate")
    val, test = Samples(SAMPLES, "val"), Samples(SAMPLES, "test")
    with stage_lock("evaluate", work_root()):
        evaluate_method(
            load_method(MODELS / values["method"]),
            val,
            test,
            config,
            names=CLASSES,
            fps=test.info["fps"],
            references=test.info["references"],
            out=OUT,
            further=[partial(write_grounding, STORES)],
        )
    Console().print(summary(OUT))


if __name__ == "__main__":
    run(main)
