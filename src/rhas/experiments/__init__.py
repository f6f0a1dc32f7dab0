"""Many experiments from one list: what is in it, what of it is done, and running the rest."""

from rhas.experiments.listing import Experiment, Listing, read_listing
from rhas.experiments.queue import run_queue
from rhas.experiments.records import recorded, runs_of, write_records
from rhas.experiments.stored import experiment_name, stored
from rhas.experiments.summary import draw, markdown, read_costs

__all__ = [
    "Experiment",
    "Listing",
    "draw",
    "experiment_name",
    "markdown",
    "read_costs",
    "read_listing",
    "recorded",
    "run_queue",
    "runs_of",
    "stored",
    "write_records",
]
