"""What the evaluate stage puts together: scores and metrics, grounding, features, the report."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rhas.base.console import SafeConsole
from rhas.base.threads import torch_threads
from rhas.chunk import Samples
from rhas.config.evaluate import EvaluateConfig
from rhas.evaluate.contact_sheets import write_contact_sheets
from rhas.evaluate.evaluation import evaluate_method
from rhas.evaluate.features import write_features
from rhas.evaluate.fitted import read_provenance
from rhas.evaluate.grounding import write_grounding
from rhas.methods import reads_tokens
from rhas.report.inputs import RunInputs
from rhas.report.run import write_report
from rhas.report.summary import make_summary
from rhas.stores.classes import check_same_classes
from rhas.stores.manifest import SUBSETS
from rhas.train import SavedConfig, load_method


def evaluate_run(inputs: RunInputs, config: EvaluateConfig, out: Path) -> None:
    """Evaluates a trained method on val and test, and prints a summary.

    Args:
        inputs: what the run was made from.
        config: parameters of the stage.
        out: folder of the results.
    """
    train, val, test = (Samples(inputs.samples, subset) for subset in SUBSETS)
    saved = SavedConfig.read(inputs.model)
    check_same_classes(
        saved.class_names, test.info.classes, what="the model was trained on other classes",
        where=f"{inputs.model}, {inputs.samples}", do="run `dvc repro train`",
    )  # fmt: skip
    tokens = reads_tokens(inputs.model.name)
    movies = [{sample.movie for sample in subset.samples} for subset in (train, val, test)]
    trained_on = movies[0] - movies[1] - movies[2]
    with torch_threads(1):
        evaluate_method(
            load_method(inputs.model),
            Samples(inputs.samples, "val", tokens),
            Samples(inputs.samples, "test", tokens),
            config,
            names=test.info.classes,
            fps=test.info.fps,
            references=test.info.references,
            out=out,
            origin=read_provenance(inputs.model, test.info),
            further=[
                partial(write_grounding, inputs.stores),
                partial(write_features, train, test, config.probe),
                partial(write_contact_sheets, inputs.stores, trained_on, config.sheet_frames),
                partial(write_report, inputs),
            ],
        )
    SafeConsole().print(make_summary(out))
