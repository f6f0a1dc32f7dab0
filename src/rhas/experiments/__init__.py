"""Many experiments from one list: what is in it, what of it is done, and running the rest."""

from rhas.experiments.listing import Experiment, read_listing
from rhas.experiments.naming import experiment_name, find_stale_stages
from rhas.experiments.queue import run_queue
from rhas.experiments.records import convert_to_runs, read_results, write_results
from rhas.experiments.stored import list_stored
from rhas.experiments.summary import draw_costs, format_markdown, read_costs

__all__ = [
    "Experiment",
    "convert_to_runs",
    "draw_costs",
    "experiment_name",
    "find_stale_stages",
    "format_markdown",
    "list_stored",
    "read_costs",
    "read_listing",
    "read_results",
    "run_queue",
    "write_results",
]
