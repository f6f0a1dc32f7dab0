"""Weights from a hub on localhost: downloaded, continued, checked, and every way to fail."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub.file_download
import pytest
from hubserver import COMMIT, Hub, serve_hub
from huggingface_hub import constants
from typer.testing import CliRunner

from rhas.base.checkpoints import checkpoint_folder, hash_checkpoint, local_checkpoint
from rhas.base.errors import RhasError
from rhas.base.files import hash_file
from rhas.base.hub_record import read_record, repository_folder
from rhas.cli import app
from rhas.config.extract import ExtractConfig
from rhas.data.hub import check_room, plan_pull, pull
from rhas.data.hub_errors import explain_hub_error
from rhas.engine.steps import FilmFiles
from rhas.extract.encoders import load_encoder
from rhas.extract.small import Sizes, make_clip
from rhas.extract.step import EXTRACT

NAME = "some/clip"
SIZES = Sizes(image=16, vision=16, vision_layers=1, vision_heads=1, text=16, text_layers=1,
              text_heads=1, out=16)  # fmt: skip


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hub") / "clip"
    make_clip(folder, ["man", "woman"], SIZES)
    return folder


@pytest.fixture
def hub(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with one small model, and an empty cache."""
    folder = tmp_path / "served"
    shutil.copytree(model, folder)
    for name in ("pytorch_model.bin", "README.md", "onnx/model.safetensors"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"not needed")
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with serve_hub(Hub({NAME: folder})) as served:
        monkeypatch.setattr(constants, "ENDPOINT", served.url)
        template = served.url + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache" / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 1000)  # what comes is written so far
        quick = SimpleNamespace(sleep=lambda seconds: None)
        monkeypatch.setattr(huggingface_hub.file_download, "time", quick)
        yield served


def list_asked(hub: Hub, ending: str) -> list[str]:
    """The ranges that were asked of a file's content."""
    return [part for method, path, part in hub.requests
            if method == "GET" and path.startswith("/cdn/") and path.endswith(ending)]  # fmt: skip


def test_what_loading_reads_is_downloaded_recorded_and_loads(hub: Hub, model: Path) -> None:
    refs = repository_folder(NAME) / "refs" / "main"
    plan = plan_pull(NAME)
    names = {path.name for path in model.iterdir()}
    assert {file.name for file in plan.files} == names
    assert plan.bytes_left == plan.size == sum(p.stat().st_size for p in model.iterdir())
    record = pull(plan)
    assert (record.commit, record.licence) == (COMMIT, "apache-2.0")
    assert read_record(NAME) == record
    assert refs.read_text() == COMMIT  # other programs find the files by it
    assert {n: f.sha256 for n, f in record.files.items()} == {
        name: hash_file(model / name) for name in names
    }
    assert not list((repository_folder(NAME) / "partial").iterdir())
    asked = len(hub.requests)
    folder = checkpoint_folder(NAME)
    assert folder == record.folder
    assert hash_checkpoint(folder) == hash_checkpoint(model)
    assert load_encoder("clip", folder).D == 16
    assert plan_pull(NAME).bytes_left == 0
    assert len(hub.requests) == asked + 1  # loading asks for nothing


def test_an_interrupted_download_goes_on_where_it_was(hub: Hub) -> None:
    size = (hub.folders[NAME] / "model.safetensors").stat().st_size
    plan = plan_pull(NAME)
    (large,) = [file for file in plan.files if file.name == "model.safetensors"]
    part = repository_folder(NAME) / "partial" / large.sha256
    hub.cut = {"model.safetensors": 0}
    part.parent.mkdir(parents=True)
    part.write_bytes((hub.folders[NAME] / "model.safetensors").read_bytes()[:4000])
    with pytest.raises(RhasError, match="the download broke off") as failure:
        pull(plan)
    assert "goes on from here" in failure.value.do
    assert read_record(NAME) is None
    assert part.stat().st_size == 4000
    hub.cut = {"model.safetensors": size // 3}
    plan = plan_pull(NAME)
    assert plan.bytes_left == size - 4000
    hub.requests.clear()
    record = pull(plan)
    assert list_asked(hub, "model.safetensors")[0] == "bytes=4000-"
    assert record.files["model.safetensors"].sha256 == large.sha256


def test_a_file_changed_on_the_way_is_refused_and_not_kept(hub: Hub) -> None:
    for name in ("config.json", "model.safetensors"):  # what came whole is kept
        hub.changed = {name}
        with pytest.raises(RhasError, match=f"{NAME}, {name}: what came is not"):
            pull(plan_pull(NAME))
        assert not list((repository_folder(NAME) / "partial").iterdir())
    hub.changed = set()
    pull(plan_pull(NAME))


def test_a_file_changed_or_missing_here_is_told_and_mended(hub: Hub) -> None:
    record = pull(plan_pull(NAME))
    weights = record.folder / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(RhasError, match=r"model\.safetensors has another content") as failure:
        load_encoder("clip", checkpoint_folder(NAME))
    assert failure.value.do.startswith(f"`rhas weights pull {NAME}`")
    told = CliRunner().invoke(app, ["weights", "verify"])
    assert told.exit_code == 1
    assert plan_pull(NAME).bytes_left == len(content)
    told = CliRunner().invoke(app, ["weights", "pull", NAME])
    assert told.exit_code == 0, told.output
    (record.folder / "config.json").unlink()
    with pytest.raises(RhasError, match=r"config\.json is missing"):
        checkpoint_folder(NAME)
    weights.write_bytes(content[:100])
    with pytest.raises(RhasError, match="has 100 bytes instead of"):
        local_checkpoint(NAME)
    assert CliRunner().invoke(app, ["weights", "pull", NAME]).exit_code == 0
    assert weights.read_bytes() == content
    told = CliRunner().invoke(app, ["weights", "verify"])
    assert (told.exit_code, "as recorded" in told.output) == (0, True)


def test_what_is_here_needs_no_network(hub: Hub) -> None:
    pull(plan_pull(NAME))
    hub.requests.clear()
    told = CliRunner().invoke(app, ["weights", "pull", NAME])
    assert "every file as recorded" in told.output
    assert not hub.requests


def test_a_hub_name_counts_by_content_in_the_work_cache(hub: Hub, tmp_path: Path) -> None:
    files = FilmFiles("m", ("the man",), frames=tmp_path, tracks=tmp_path)
    config = ExtractConfig(vlm="clip", checkpoints={"clip": NAME})
    assert EXTRACT.make_input(files, config).checkpoint is None
    record = pull(plan_pull(NAME))
    assert EXTRACT.make_input(files, config).checkpoint == record.folder
    assert not [part for part in hub.requests if part[1].endswith("README.md")]


@pytest.mark.parametrize(
    ("refuse", "message", "advice"),
    [
        ((403, "GatedRepo"), "asks for consent", "hf auth login"),
        ((401, "GatedRepo"), "asks for consent", "hf auth login"),
        ((401, "RepoNotFound"), "no such repository", "private"),
        ((404, "RevisionNotFound"), "no such revision", "hf cache rm"),
        ((403, ""), "the hub refuses access", "hf auth login"),
        ((407, ""), "the proxy wants a name", "proxy settings"),
        ((500, ""), "the hub answers with status 500", "goes on"),
    ],
)
def test_refusals_say_what_to_do(
    hub: Hub, refuse: tuple[int, str], message: str, advice: str
) -> None:
    hub.refuse = refuse
    with pytest.raises(RhasError, match=message) as failure:
        plan_pull(NAME)
    assert advice in failure.value.do
    assert NAME in failure.value.where


def test_a_refusal_of_the_files_alone(hub: Hub) -> None:
    """A gated repository tells what it has to everybody."""
    plan = plan_pull(NAME)
    hub.refuse = (403, "GatedRepo")
    with pytest.raises(RhasError, match="asks for consent"):
        pull(plan)


def test_a_file_that_is_gone_and_a_repository_without_a_model(hub: Hub) -> None:
    plan = plan_pull(NAME)
    (hub.folders[NAME] / "model.safetensors").unlink()
    with pytest.raises(RhasError, match="a file is missing in the repository"):
        pull(plan)
    (hub.folders[NAME] / "pytorch_model.bin").unlink()
    with pytest.raises(RhasError, match="no model that transformers reads") as failure:
        plan_pull(NAME)
    assert "config.json" in failure.value.got


def test_a_page_of_the_network_is_no_hub(hub: Hub) -> None:
    hub.page = True
    with pytest.raises(RhasError, match="the answer is not a hub's"):
        plan_pull(NAME)


def test_no_network_and_a_proxy_that_is_not_there(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(RhasError, match="cannot be reached") as failure:
        plan_pull(NAME)
    assert "127.0.0.1:9" in failure.value.where
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(RhasError, match="downloads are switched off"):
        plan_pull(NAME)

    class ProxyError(Exception):
        """As the HTTP client's."""

    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret@proxy:80")
    told = explain_hub_error(ProxyError("no"), NAME)
    assert told is not None
    assert "//...@proxy:80" in told.do
    assert "secret" not in str(told)


def test_no_room_is_told_before_the_download(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = plan_pull(NAME)
    free = SimpleNamespace(free=plan.size + 100_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    hub.requests.clear()
    with pytest.raises(RhasError, match="no room for the weights") as failure:
        pull(plan)
    assert "HF_HOME" in failure.value.do
    assert not hub.requests
    free.free = plan.size + 300_000_000
    check_room([plan])
    with pytest.raises(RhasError, match="no room"):
        check_room([plan] * 10_000)


def test_a_disk_that_fills_up_is_no_error_of_the_hub() -> None:
    assert explain_hub_error(OSError(errno.ENOSPC, "full"), NAME) is None


def test_the_commands_show_licence_and_size_first(hub: Hub) -> None:
    told = CliRunner().invoke(app, ["weights", "pull", NAME, "--dry-run"])
    assert "licence apache-2.0, " in told.output
    assert read_record(NAME) is None
    assert "no weights are downloaded" in CliRunner().invoke(app, ["weights", "verify"]).output
    listed = CliRunner().invoke(app, ["weights", "list"]).output
    assert "Salesforce/blip2-itm-vit-g" in listed
    assert "not here" in listed
    assert "built in" in CliRunner().invoke(app, ["weights", "pull", "mini"]).output


def test_a_damaged_record_says_so(hub: Hub) -> None:
    pull(plan_pull(NAME))
    (repository_folder(NAME) / "rhas.json").write_text('{"commit": 1}')
    with pytest.raises(RhasError, match="a damaged record of weights"):
        checkpoint_folder(NAME)


def test_an_error_without_a_message_has_its_name() -> None:
    kind = type("TimeoutException", (Exception,), {})
    explained = explain_hub_error(kind(""), "org/name")
    assert explained is not None
    assert explained.got == "TimeoutException"
