"""Files of strangers run no code: every call that could is found in the source and looked at."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN_PICKLES = "src/rhas/engine/executors/slurm.py"  # between processes of one user, in .dvc/tmp
PRETRAINED = "src/rhas/base/pretrained.py"
SOURCES = sorted(
    p
    for folder in ("src", "stages", "weights", "benchmarks")
    for p in (ROOT / folder).rglob("*.py")
)
NEVER = {
    "pickle.load", "pickle.loads", "pickle.Unpickler", "marshal.load", "marshal.loads",
    "shelve.open", "joblib.load", "yaml.load", "yaml.load_all", "yaml.full_load",
    "yaml.unsafe_load", "dill.load", "dill.loads", "pandas.read_pickle", "torch.jit.load",
    "torch.hub.load", "torch.package.PackageImporter", "eval", "exec", "os.system", "os.popen",
}  # fmt: skip


def find_calls(text: str) -> Iterator[tuple[str, dict[str, object], int]]:
    """Dotted name, keywords with literal values (others as None) and line of every call."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call):
            keywords = {
                k.arg: k.value.value if isinstance(k.value, ast.Constant) else ...
                for k in node.keywords
                if k.arg
            }
            yield ast.unparse(node.func), keywords, node.lineno


def find_faults(text: str, name: str) -> list[str]:
    """Calls that load what they should not, or not as they should."""
    faults = []
    for call, given, line in find_calls(text):
        last = call.rpartition(".")[2]
        wanted: dict[str, object] = {}
        if last == "from_pretrained":
            wanted = {"trust_remote_code": False, "local_files_only": True}
            if name != PRETRAINED:
                faults.append(f"{name}:{line}: {call} belongs in {PRETRAINED}")
        elif call == "torch.load":
            wanted = {"weights_only": True}
        elif call in ("np.load", "numpy.load"):
            wanted = {"allow_pickle": False}
        elif call == "YAML":
            wanted = {"typ": "safe"}
        elif last in ("Popen", "run", "call", "check_output") and given.get("shell"):
            faults.append(f"{name}:{line}: {call} by a shell")
        elif call in NEVER and (name, call) != (OWN_PICKLES, "pickle.loads"):
            faults.append(f"{name}:{line}: {call}")
        faults += [
            f"{name}:{line}: {call} without {key}={value}"
            for key, value in wanted.items()
            if given.get(key, ...) is not value and given.get(key) != value
        ]
    return faults


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_calls_that_load(path: Path) -> None:
    assert find_faults(path.read_text("utf-8"), path.relative_to(ROOT).as_posix()) == []


@pytest.mark.parametrize(
    "line",
    [
        "AutoModel.from_pretrained(f, trust_remote_code=False, local_files_only=True)",
        "torch.load(f)",
        "torch.load(f, weights_only=False)",
        "np.load(f)",
        "np.load(f, allow_pickle=True)",
        "yaml.load(f, Loader=yaml.SafeLoader)",
        "YAML(typ='unsafe')",
        "pickle.loads(b)",
        "eval(text)",
        "subprocess.run(c, shell=True)",
    ],
)
def test_the_test_sees_what_is_wrong(line: str) -> None:
    assert len(find_faults(line, "x.py")) == 1
    right = "m.from_pretrained(f, trust_remote_code=True, local_files_only=True)"
    assert find_faults(right, PRETRAINED) == [
        f"{PRETRAINED}:1: m.from_pretrained without trust_remote_code=False"
    ]
    assert find_faults("torch.load(f, weights_only=True)\nmodel.eval()", "x.py") == []


def test_models_have_their_attention_pinned_and_no_code_of_a_pickle() -> None:
    text = (ROOT / PRETRAINED).read_text("utf-8")
    models = [given for call, given, _ in find_calls(text) if "weights_only" in given]
    assert len(models) == 1
    assert models[0]["weights_only"] is True
    assert "attn_implementation" in models[0]
