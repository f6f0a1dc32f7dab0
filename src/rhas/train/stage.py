"""What the train stage puts together: locks, processes, curves and the folder of the method."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from dvclive import Live

from rhas.base.files import write_json
from rhas.chunk import Samples
from rhas.config.extract import ExtractConfig
from rhas.config.train import TrainConfig
from rhas.engine.stage import new_folder, stage_lock, work_root
from rhas.methods import ClassText, reads_text, reads_tokens
from rhas.train import process_group
from rhas.train.checkpoint import run_key
from rhas.train.fit import fit


def run_training(
    config: TrainConfig, encoder: ExtractConfig, samples: Path, models: Path, curves: Path
) -> None:
    """Trains a method, in several processes where the configuration asks for them.

    Args:
        config: parameters of the stage.
        encoder: of the features; methods that read sentences about the classes have them encoded.
        samples: ``data/samples``.
        models: folder in which the method's folder is written.
        curves: folder of DVCLive's curves.
    """
    config.check_machine()
    if config.processes > 1 and not process_group.under_torchrun():
        process_group.launch_torchrun(config.processes)
    tokens = reads_tokens(config.method)
    root, this = work_root(), f"train/{run_key(config, samples)}"
    folder, live = models / config.method, None
    with ExitStack() as stack:
        if process_group.process_rank() == 0:
            stack.enter_context(stage_lock("train"))
            stack.enter_context(stage_lock(this, root))
            folder = stack.enter_context(new_folder(folder))
            live = stack.enter_context(Live(str(curves), save_dvc_exp=False, dvcyaml=None))
        train = Samples(samples, "train", tokens)
        report = fit(
            train,
            Samples(samples, "val", tokens),
            config,
            out=folder,
            text=_make_text(config, encoder, train.info.classes),
            resume=root / this,
            live=live,
            classes=train.info.classes,
        )
        if process_group.process_rank() == 0:
            write_json(folder / "report.json", report.to_json())


def _make_text(
    config: TrainConfig, encoder: ExtractConfig, classes: Sequence[str]
) -> ClassText | None:
    if not reads_text(config.method):
        return None
    from rhas.extract.class_text import make_class_text, phrase_class  # imports transformers

    return make_class_text(encoder, [[phrase_class(name)] for name in classes])
