"""``rhas weights``: published weights from the Hugging Face Hub."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from rhas.base.console import print_text
from rhas.base.formatting import format_size
from rhas.cli.output import Column, print_error, print_table
from rhas.config.profiles import find_weights, list_profiles, read_profile

app = typer.Typer(
    help="Published weights from the Hugging Face Hub. Only `rhas weights pull` downloads; "
    "everything else reads what it stored.",
)


@app.command("list")
def list_weights() -> None:
    """What each profile needs, and what of it is here.

    Example: rhas weights list
    """
    from rhas.base.hub_record import read_record

    rows = []
    for profile in list_profiles():
        for weights in profile.weights:
            record = read_record(weights.repository)
            size = weights.size if record is None else record.size
            state = "not here" if record is None else f"commit {record.commit[:12]}"
            if record is not None and record.find_problems(None):
                state += ", damaged: pull again"
            rows.append([profile.name, weights.repository, format_size(size), weights.licence,
                         state])  # fmt: skip
    print_table([Column("profile"), Column("repository"), Column("size", right=True),
                 Column("licence"), Column("here", fold=True)], rows)  # fmt: skip


@app.command("pull")
def pull_weights(
    name: Annotated[
        str, typer.Argument(help="A profile, or ORGANISATION/NAME of a repository.",
                            show_default=False)
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show licences and sizes and download nothing.")
    ] = False,
) -> None:  # fmt: skip
    """Download what a profile needs into the hub's cache, check and record it.

    Example: rhas weights pull real

    A download that stopped goes on where it was. What is here and as recorded is not asked for
    again. HF_HOME names another folder for the cache, HF_ENDPOINT another hub.
    """
    from rhas.data.hub import check_room, find_pulled, plan_pull, pull

    wanted = [name] if "/" in name else [w.repository for w in read_profile(name).weights]
    plans = []
    for repository in wanted:
        if record := find_pulled(repository):
            print_text(f"{repository}: here, commit {record.commit[:12]}, every file as recorded")
            continue
        known = find_weights(repository)
        plan = plan_pull(repository, known.revision if known else "main")
        print_text(f"{repository}: licence {plan.licence}, {format_size(plan.size)} in "
              f"{len(plan.files)} files, {format_size(plan.bytes_left)} to download")  # fmt: skip
        if known and known.licence != plan.licence:
            print_text(f"{repository}: the profile expected the licence {known.licence}")
        plans.append(plan)
    if not wanted:
        print_text(f"{name} needs no download: its weights are built in")
    check_room(plans)
    for plan in plans if not dry_run else ():
        record = pull(plan, tell=lambda line: print_text(line, file=sys.stderr))
        print_text(f"{record.repository}: commit {record.commit[:12]} in {record.folder}")


@app.command("verify")
def verify_weights() -> None:
    """Read every downloaded file and compare it with what was recorded.

    Example: rhas weights verify

    Exit status: 0 all as recorded (or nothing downloaded), 1 something is missing or changed.
    """
    from rhas.base.errors import RhasError
    from rhas.base.hub_record import list_records

    failed = False
    records = list_records()
    for record in records:
        try:
            record.check_files()
        except RhasError as error:
            failed = True
            print_error(error)
        else:
            size = f"{len(record.files)} files, {format_size(record.size)}"
            print_text(f"{record.repository}: commit {record.commit[:12]}, {size}, as recorded")
    if not records:
        print_text("no weights are downloaded; `rhas weights pull PROFILE` does")
    raise typer.Exit(1 if failed else 0)
