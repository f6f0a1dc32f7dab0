"""``python -m rhas.train.launch N SCRIPT ...``: N processes of torchrun, which end as programs of
the project do.

torchrun itself shows a traceback for Ctrl-C, and one for every process that says what is wrong.
"""

from __future__ import annotations

import rhas.base.program  # isort: split

import logging
import signal
import sys

from rhas.base.errors import RhasError


def main() -> None:
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    for name in list(logging.root.manager.loggerDict):
        if name.startswith("torch.distributed"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
    processes, *command = sys.argv[1:]
    try:
        run(parse_args(["--standalone", f"--nproc-per-node={processes}", *command]))
    except SignalException as error:
        rhas.base.program.exit_stopped(signal.Signals(error.sigval))
    except ChildFailedError as error:
        codes = {rank: failure.exitcode for rank, failure in error.failures.items()}
        killed = {rank: -code for rank, code in codes.items() if code < 0}
        if not killed:
            raise SystemExit(max(codes.values())) from None  # a process has said why
        # The others were ended by SIGTERM because of the first one.
        rank, number = min(killed.items(), key=lambda one: (one[1] == signal.SIGTERM, one[0]))
        raise RhasError(
            f"a process of the training was ended by {signal.Signals(number).name}",
            where=f"process {rank} of {processes}",
            do="with SIGKILL memory may have run out: lower train.processes or train.batch_size",
        ) from None


if __name__ == "__main__":
    rhas.base.program.run_script(main)
