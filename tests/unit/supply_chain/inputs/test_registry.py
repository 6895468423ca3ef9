"""Images of a registry: fetched only when allowed, whole, with what is signed; nothing else of the network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.model.errors import InputError, LimitError, UsageError
from scanner.supply_chain.inputs import registry as module
from scanner.supply_chain.inputs.registry import fetched, parse_reference
from scanner.supply_chain.signing.deciding import decide
from scanner.supply_chain.signing.oci_layouts import Layout
from scanner.supply_chain.signing.verifying import look_at_image
from scanner.supply_chain.signing.wanted import Wanted
from scanner.target.tree import DirectoryTree
from tests.unit.supply_chain.inputs.registry_lab import Registry, running
from tests.unit.supply_chain.signing.layout_lab import (
    BUNDLE,
    CYCLONEDX,
    DSSE,
    Key,
    LayoutLab,
    as_json,
    bundle,
    claim,
    envelope,
    make_layout,
    simple,
    statement,
)

KEY = Key()
SBOM = {"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [{"type": "library", "name": "a"}]}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with running(tmp_path_factory.mktemp("registry")) as found:
        yield found


def signed_layout(folder: Path, how: str = "tags") -> LayoutLab:
    layout = make_layout(folder)
    sealed = envelope(statement(layout.digest, CYCLONEDX, SBOM), KEY)
    layout.attach(simple(KEY, claim(layout.digest)))
    if how == "tags":
        layout.attach((as_json(sealed), DSSE, {}), how="att")
    else:
        layout.attach((as_json(bundle({"dsseEnvelope": sealed}, KEY)), BUNDLE, {}), how="fallback")
    return layout


@pytest.mark.parametrize("how", ["tags", "fallback"])
def test_an_image_comes_with_all_that_is_signed(registry: Registry, tmp_path: Path, how: str) -> None:
    layout = signed_layout(tmp_path, how)
    name = registry.push(layout, f"vela/{how}", "1")
    with fetched(name, "", registry.environment) as folder:
        tree = DirectoryTree(folder)
        looked = look_at_image(Layout(tree), name, Wanted((KEY.public,)))
        tree.close()
    assert looked.subject == layout.digest and looked.problem == ""
    assert decide(looked, Wanted((KEY.public,))).ok
    assert decide(looked, Wanted((KEY.public,)), (CYCLONEDX,)).ok
    assert not decide(looked, Wanted((Key().public,)), ("https://spdx.dev/Document",)).ok
    assert not folder.exists()


def test_of_an_index_the_platform_asked_for(registry: Registry, tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    index = layout.platforms("amd64", "arm64")
    layout.attach(simple(KEY, claim(index)), subject=index)
    name = registry.push(layout, "vela/multi", "1")
    with fetched(name, "linux/arm64", registry.environment) as folder:
        tree = DirectoryTree(folder)
        looked = look_at_image(Layout(tree), name, Wanted((KEY.public,)), platform="linux/arm64")
        tree.close()
    assert looked.also == (index,) and looked.platform == "linux/arm64"
    assert decide(looked, Wanted((KEY.public,))).ok
    with (
        pytest.raises(UsageError, match="no image for linux/s390x"),
        fetched(name, "linux/s390x", registry.environment),
    ):
        pass


def test_by_digest(registry: Registry, tmp_path: Path) -> None:
    layout = signed_layout(tmp_path)
    registry.push(layout, "vela/digest", "1")
    name = f"docker://{registry.host}/vela/digest@{layout.digest}"
    with fetched(name, "", registry.environment) as folder:
        listed = json.loads((folder / "index.json").read_bytes())["manifests"]
    assert listed[0]["digest"] == layout.digest and len(listed) == 3


def test_what_is_not_there_is_said_by_the_registry(registry: Registry) -> None:
    name = f"registry:{registry.host}/vela/absent:1"
    with pytest.raises(InputError, match="skopeo inspect"), fetched(name, "", registry.environment):
        pass


@pytest.mark.parametrize(("budget", "value"), [("MAX_BYTES", 10), ("MAX_MANIFESTS", 1), ("MAX_SECONDS", 0)])
def test_budgets(registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, budget: str, value: int) -> None:
    name = registry.push(signed_layout(tmp_path), "vela/budget", "1")
    monkeypatch.setattr(module, budget, value)
    with pytest.raises(LimitError), fetched(name, "", registry.environment):
        pass


def test_a_blob_longer_than_its_manifest_says_is_not_written(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file limit of the child ends it, whatever the registry sends."""
    layout = make_layout(tmp_path)
    data = os.urandom(200_000)
    body = layout.manifest((data, "application/vnd.oci.image.layer.v1.tar", {}))
    layout.write_index({"schemaVersion": 2, "manifests": []})
    layout.listed(body, annotations={"org.opencontainers.image.ref.name": "latest"})
    name = registry.push(layout, "vela/long", "1")
    monkeypatch.setattr(module, "_SPARE", -150_000)
    with pytest.raises(InputError, match="skopeo copy"), fetched(name, "", registry.environment):
        pass


@pytest.mark.parametrize(
    ("name", "repository", "which"),
    [
        ("registry:registry.example/vela/os:1.2", "registry.example/vela/os", ":1.2"),
        ("docker://localhost:5000/os", "localhost:5000/os", ":latest"),
        (f"registry:registry.example/os:1@sha256:{'0' * 64}", "registry.example/os", f"@sha256:{'0' * 64}"),
    ],
)
def test_names(name: str, repository: str, which: str) -> None:
    found = parse_reference(name)
    assert (found.repository, found.which) == (repository, which)


@pytest.mark.parametrize(
    "name",
    ["registry:os", "registry:vela/os", "registry:", "registry:user:pw@registry.example/os", "registry:registry.example/OS:1",
     "registry:registry.example/os:1 --help", "registry:registry.example/../os", "docker://registry.example/os@sha256:00", "registry.example/vela/os:1",
     "registry:registry.example/os:-x", "registry:registry.example//os"],
)  # fmt: skip
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        parse_reference(name)


# ---- the commands ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [["verify", "NAME", "--key", "KEY"], ["sbom", "diff", "NAME", "NAME"], ["release", "NAME", "NAME", "--key", "KEY"]],
    ids=lambda words: words[0],
)
def test_nothing_is_fetched_without_online(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("HOME", registry.environment["HOME"])
    (tmp_path / "key.pub").write_bytes(KEY.pem)
    name = registry.push(signed_layout(tmp_path / "image"), "vela/online", "1")
    said = {"NAME": name, "KEY": str(tmp_path / "key.pub")}
    arguments = [said.get(word, word) for word in words]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, UsageError)
    assert "--online" in refused.exception.hint
    done = CliRunner().invoke(app, [*arguments, "--online"])
    assert done.exit_code == 0, done.output
