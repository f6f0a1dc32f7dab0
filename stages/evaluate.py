"""model + samples + tracks -> results/: scores, metrics, measures of grounding, pictures."""

from functools import partial
from pathlib import Path

from rich.console import Console

from rhas.base.classes import CLASSES
from rhas.base.threads import torch_threads
from rhas.chunk import Samples
from rhas.config.evaluate import EvaluateConfig
from rhas.config.section import read_section
from rhas.engine.stage import params, run, stage_lock
from rhas.evaluate import evaluate_method
from rhas.evaluate.features import write_features
from rhas.evaluate.fitted import read_provenance
from rhas.evaluate.grounding import write_grounding
from rhas.evaluate.stores import Stores
from rhas.methods import reads_tokens
from rhas.report.contact_sheet import write_contact_sheets
from rhas.report.inputs import RunInputs
from rhas.report.run import write_report
from rhas.report.summary import make_summary
from rhas.stores.manifest import SUBSETS
from rhas.train import load_method

SAMPLES, MODELS, OUT = Path("data/samples"), Path("models"), Path("results")
LOCK = Path("dvc.lock")  # names what the stages before made
WORKSPACE = Path(".dvc/tmp/rhas")
STORES = Stores(Path("data/raw"), Path("data/frames"), Path("data/boxes"), Path("data/tracks"))


def main() -> None:
    values = params("evaluate")
    settings = {
        name: values[name]
        for name in (
            "dataset", "split", "fps", "frame_len", "vlm", "method", "seed",
            "mini", "decode", "ground", "crop", "extract", "chunk", "train", "evaluate",
        )
    }  # fmt: skip
    config = read_section(EvaluateConfig, values)
    model = MODELS / values["method"]
    train, val, test = (Samples(SAMPLES, side) for side in SUBSETS)
    tokens = reads_tokens(values["method"])
    movies = [{sample.movie for sample in side.samples} for side in (train, val, test)]
    trained_on = movies[0] - movies[1] - movies[2]
    with stage_lock("evaluate", WORKSPACE), torch_threads(1):
        evaluate_method(
            load_method(model),
            Samples(SAMPLES, "val", tokens),
            Samples(SAMPLES, "test", tokens),
            config,
            names=CLASSES,
            fps=test.info.fps,
            references=test.info.references,
            out=OUT,
            origin=read_provenance(model, test.info),
            further=[
                partial(write_grounding, STORES),
                partial(write_features, train, test, config.probe),
                partial(write_contact_sheets, STORES, trained_on, config.sheet_frames),
                partial(write_report, RunInputs(STORES, SAMPLES, model, settings, LOCK)),
            ],
        )
    Console().print(make_summary(OUT))


if __name__ == "__main__":
    run(main)
