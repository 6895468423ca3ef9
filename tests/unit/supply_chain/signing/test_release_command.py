"""`assay release`: signature, attested SBOM and difference of two releases, link by link."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.collectors.take import take
from scanner.model.canonical import canonical
from scanner.model.fact import Fact
from scanner.schemas.generate import documents
from scanner.target.tree import TreeTarget
from tests.unit.supply_chain.signing.layout_lab import (
    DSSE,
    Key,
    LayoutLab,
    as_json,
    claim,
    envelope,
    make_layout,
    sha256,
    simple,
    statement,
)

RUN = CliRunner()


def _sbom(version: str) -> dict[str, object]:
    part = {"type": "library", "name": "a", "version": version, "bom-ref": "a", "purl": f"pkg:npm/a@{version}"}
    subject = {"type": "firmware", "name": "device", "version": version, "bom-ref": "d"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject},
        "components": [part],
    }


@pytest.fixture
def key(tmp_path: Path) -> Key:
    made = Key()
    (tmp_path / "key.pub").write_bytes(made.pem)
    return made


def _release(folder: Path, key: Key | None, sbom: Key | None, version: str) -> str:
    layout: LayoutLab = make_layout(folder, version)
    if key is not None:
        layout.attach(simple(key, claim(layout.digest)))
    if sbom is not None:
        payload = statement(layout.digest, "https://cyclonedx.org/bom/v1.6", _sbom(version))
        layout.attach((as_json(envelope(payload, sbom)), DSSE, {}), how="att")
    return str(layout.root)


def _run(tmp_path: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = RUN.invoke(app, ["release", *arguments, "--key", str(tmp_path / "key.pub"), "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_the_whole_chain(tmp_path: Path, key: Key) -> None:
    old, new = _release(tmp_path / "old", key, key, "1.0.0"), _release(tmp_path / "new", key, key, "1.1.0")
    code, found = _run(tmp_path, old, new)
    assert (code, found["ok"]) == (0, True)
    changes = found["diff"]["changes"]
    assert [(one["kind"], one["name"]) for one in changes if one["name"] == "a"] == [("version_upgraded", "a")]
    shown = RUN.invoke(app, ["release", old, new, "--key", str(tmp_path / "key.pub")]).stdout
    assert shown.count("signed, with an attested SBOM") == 2
    assert "device 1.1.0 compared with device 1.0.0" in shown


@pytest.mark.parametrize("missing", ["signature", "sbom", "sbom by another"])
@pytest.mark.parametrize("which", ["old", "new"])
def test_a_missing_link_ends_4_and_shows_no_difference(tmp_path: Path, key: Key, which: str, missing: str) -> None:
    names = {}
    for name in ("old", "new"):
        signer = None if name == which and missing == "signature" else key
        attester = {"sbom": None, "sbom by another": Key()}.get(missing, key) if name == which else key
        names[name] = _release(tmp_path / name, signer, attester, "1.0.0" if name == "old" else "1.1.0")
    code, found = _run(tmp_path, names["old"], names["new"])
    assert (code, found["ok"]) == (4, False)
    if missing != "signature":
        assert found["diff"] is None
    assert any("attested SBOM:" in str(one) or "signature:" in str(one) for one in found["links"])


@pytest.mark.parametrize(("digest", "code"), [("same", 0), ("other", 4)])
def test_a_device_must_run_the_old_release(tmp_path: Path, key: Key, digest: str, code: int) -> None:
    old, new = _release(tmp_path / "old", key, key, "1.0.0"), _release(tmp_path / "new", key, key, "1.1.0")
    runs = LayoutLab(tmp_path / "old" / "layout").digest if digest == "same" else "sha256:" + "0" * 64
    snapshot = tmp_path / "snapshot.json"
    _snapshot(snapshot, runs)
    assert _run(tmp_path, old, new, "--device", str(snapshot))[0] == code


def _snapshot(path: Path, digest: str) -> None:
    """A real snapshot, with the status that bootc would give on a device."""
    tree = path.parent / "tree"
    tree.mkdir()
    target = TreeTarget(tree)
    taken = take(target, ["os.release"])
    target.close()
    value = {"image": "x", "slots": [{"slot": "booted", "digest": digest}]}
    facts = {**taken.facts, "bootc.status": Fact("bootc.status", "present", "runtime", value)}
    path.write_bytes(canonical(replace(taken, facts=facts).to_json()))


def test_each_layout_is_looked_at_once(tmp_path: Path, key: Key, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two verdicts on one image rest on one look: its blobs are hashed once."""
    from scanner.supply_chain.signing.oci_layouts import Layout

    looks: list[str] = []
    check = Layout.check_content
    monkeypatch.setattr(
        Layout, "check_content", lambda self, image: (looks.append(image.digest), check(self, image))[1]
    )
    old, new = _release(tmp_path / "old", key, key, "1.0.0"), _release(tmp_path / "new", key, key, "1.1.0")
    assert _run(tmp_path, old, new)[0] == 0
    assert len(looks) == len(set(looks)) == 2


def test_of_several_attested_sboms_one_is_chosen_by_rule_and_the_others_are_listed(tmp_path: Path, key: Key) -> None:
    old, new = _release(tmp_path / "old", key, key, "1.0.0"), _release(tmp_path / "new", key, key, "1.1.0")
    layout = LayoutLab(Path(new))
    more = _sbom("7.0.0") | {"metadata": {"timestamp": "2030-01-01T00:00:00Z"}}
    payload = statement(layout.digest, "https://cyclonedx.org/bom/v1.6", more)
    layout.attach((as_json(envelope(payload, key)), DSSE, {}), how="att")
    _, found = _run(tmp_path, old, new)
    origin = found["new"]["origin"]
    assert origin["statement"] == sha256(payload) and len(origin["others"]) == 1 and "newest" in origin["rule"]
    shown = CliRunner().invoke(app, ["release", old, new, "--key", str(tmp_path / "key.pub")]).stdout
    assert "2 SBOMs are attested" in shown
    first = origin["others"][0]["statement"]
    _, chosen = _run(tmp_path, old, new, "--sbom-digest", first[:30])
    assert chosen["new"]["origin"]["statement"] == first


def test_the_result_is_as_its_schema_says(tmp_path: Path, key: Key) -> None:
    old, new = _release(tmp_path / "old", key, key, "1.0.0"), _release(tmp_path / "new", key, None, "1.1.0")
    validator = jsonschema_rs.validator_for(documents()["release"])
    for names in ((old, old), (old, new)):
        _, found = _run(tmp_path, *names)
        validator.validate(found)
        assert not validator.is_valid(found | {"ok": "yes"})
