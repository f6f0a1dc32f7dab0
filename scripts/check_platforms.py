"""Writes docs/PLATFORMS.md's table: where wheels of all that rhas needs exist.

Nothing is installed. For each platform pip looks for a wheel of every direct dependency of
pyproject.toml and of every package in requirements.lock, in the newest version that the ranges
allow. Environment markers are evaluated for that platform, which pip itself cannot do. A package
without a wheel on the platform where the tests run is built from source there, so it counts as
pure Python. That wheels exist is no test that anything runs.

    python scripts/check_platforms.py [--python 3.11 --python 3.13]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]


class Platform(NamedTuple):
    """A platform as pip's tags and as the values of environment markers."""

    name: str
    tags: tuple[str, ...]
    sys_platform: str
    machine: str


PLATFORMS = (
    Platform("Linux x86-64", ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64",
             "manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64"),
             "linux", "x86_64"),
    Platform("Linux ARM64", ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64",
             "manylinux2014_aarch64"), "linux", "aarch64"),
    Platform("macOS Apple silicon", ("macosx_14_0_arm64", "macosx_13_0_arm64", "macosx_12_0_arm64",
             "macosx_11_0_arm64", "macosx_14_0_universal2", "macosx_11_0_universal2",
             "macosx_10_9_universal2"), "darwin", "arm64"),
    Platform("macOS Intel", ("macosx_13_0_x86_64", "macosx_12_0_x86_64", "macosx_11_0_x86_64",
             "macosx_10_15_x86_64", "macosx_10_13_x86_64", "macosx_10_9_x86_64",
             "macosx_11_0_universal2", "macosx_10_9_universal2"), "darwin", "x86_64"),
    Platform("Windows x86-64", ("win_amd64",), "win32", "AMD64"),
)  # fmt: skip


def direct_requirements() -> dict[str, list[Requirement]]:
    """Those of pyproject.toml by extra; the packages that all need are under ""."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    groups = {"": project["dependencies"], **project["optional-dependencies"]}
    del groups["all"], groups["dev"], groups["docs"]
    return {name: [Requirement(text) for text in texts] for name, texts in groups.items()}


def required(platform: Platform, python: str) -> dict[str, str]:
    """Requirements that hold on a platform, by package: direct ones, then the rest of the lock."""
    markers = {
        "sys_platform": platform.sys_platform,
        "platform_machine": platform.machine,
        "python_version": python,
    }
    known = [r for group in direct_requirements().values() for r in group]
    wanted = {
        canonicalize_name(r.name): f"{r.name}{r.specifier}"
        for r in known
        if r.marker is None or r.marker.evaluate(markers)
    }
    named = {canonicalize_name(r.name) for r in known}
    for line in (ROOT / "requirements.lock").read_text("utf-8").splitlines():
        name = line.partition("==")[0]
        if canonicalize_name(name) not in named:
            wanted[canonicalize_name(name)] = name
    return wanted


def without_wheel(platform: Platform, python: str, wanted: dict[str, str]) -> set[str]:
    """Packages of which pip finds no wheel for a platform."""
    missing: set[str] = set()
    while True:
        names = [text for name, text in wanted.items() if name not in missing]
        with tempfile.TemporaryDirectory() as folder:
            command = [
                sys.executable, "-m", "pip", "install", "--dry-run", "--quiet", "--no-deps",
                "--ignore-installed", "--only-binary=:all:", "--target", folder,
                "--python-version", python, *(f"--platform={tag}" for tag in platform.tags),
            ]  # fmt: skip
            done = subprocess.run([*command, *names], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return missing
        found = re.search(
            r"(?:No matching distribution found for|Cannot install) ([\w.-]+)", done.stderr
        )
        if not found:
            raise SystemExit(done.stderr)
        name = canonicalize_name(re.split(r"[=<>!~]", found[1])[0])
        if name in missing or name not in wanted:
            raise SystemExit(done.stderr)
        missing.add(name)


def reader_of_films(wanted: dict[str, str]) -> str:
    names = [name for name in ("decord", "eva-decord") if name in wanted]
    return f"{names[0]}, then PyAV" if names else "PyAV"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", action="append", help="versions; 3.11 unless given")
    pythons = parser.parse_args().python or ["3.11"]
    print("| platform | Python | reader of films | packages | without a wheel |")
    print("|---|---|---|---|---|")
    for python in pythons:
        source: set[str] = set()
        for platform in PLATFORMS:  # the first is where the tests run
            wanted = required(platform, python)
            missing = without_wheel(platform, python, wanted)
            source = source or missing
            told = ", ".join(sorted(missing - source)) or "none"
            cells = platform.name, python, reader_of_films(wanted), str(len(wanted)), told
            print(f"| {' | '.join(cells)} |", flush=True)
        print(f"\nPython {python}, from source everywhere: {', '.join(sorted(source)) or 'none'}\n")


if __name__ == "__main__":
    main()
