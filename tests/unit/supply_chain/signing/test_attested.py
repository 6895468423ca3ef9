"""SBOMs attached to images: which one is used, what is said of its signature, and what is never believed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from scanner.cli import shared
from scanner.cli.main import app
from scanner.model.errors import AssayError, InputError, UsageError
from scanner.schemas.generate import documents
from scanner.supply_chain.signing.attested import choose, claimed_boms, formats_of
from scanner.supply_chain.signing.deciding import decide
from scanner.supply_chain.signing.oci_layouts import Layout
from scanner.supply_chain.signing.verifying import look_at_image
from scanner.supply_chain.signing.wanted import Wanted
from tests.unit.supply_chain.signing.conftest import opened
from tests.unit.supply_chain.signing.layout_lab import (
    BUNDLE,
    CYCLONEDX,
    DSSE,
    IN_TOTO,
    INDEX,
    MANIFEST,
    REF_NAME,
    Key,
    LayoutLab,
    as_json,
    bundle,
    claim,
    envelope,
    make_layout,
    sha256,
    simple,
    statement,
)

KEY = Key()
SPDX = "https://spdx.dev/Document"


def cyclonedx(version: str, *names: str, created: str = "2026-01-01T00:00:00Z") -> dict[str, Any]:
    parts = [
        {"type": "library", "name": one, "version": version, "bom-ref": one, "purl": f"pkg:npm/{one}@{version}"}
        for one in names
    ]
    subject = {"type": "firmware", "name": "device", "version": version, "bom-ref": "d"}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"timestamp": created, "component": subject},
        "components": parts,
    }


def spdx(version: str) -> dict[str, Any]:
    package = {"SPDXID": "SPDXRef-d", "name": "device", "versionInfo": version, "downloadLocation": "NOASSERTION"}
    return {
        "spdxVersion": "SPDX-2.3",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": "device",
        "dataLicense": "CC0-1.0",
        "documentNamespace": "https://example.invalid/d",
        "creationInfo": {"created": "2026-03-01T00:00:00Z", "creators": ["Tool: t"]},
        "packages": [package],
        "documentDescribes": ["SPDXRef-d"],
    }


def attest(layout: LayoutLab, predicate: Any, kind: str = CYCLONEDX, key: Key = KEY) -> str:
    """Attach an attestation; the digest of its statement."""
    payload = statement(layout.digest, kind, predicate)
    layout.attach((as_json(envelope(payload, key)), DSSE, {}), how="att")
    return sha256(payload)


def claimed(layout: LayoutLab) -> list[Any]:
    with opened(layout) as tree:
        return claimed_boms(Layout(tree))[1]


# ---- which one -------------------------------------------------------------------------------------------------------


def test_the_choice_follows_its_rule_whatever_the_order(layout: LayoutLab) -> None:
    attest(layout, cyclonedx("1", "a", created="2026-02-01T00:00:00Z"))
    newest = attest(layout, cyclonedx("2", "a", created="2026-02-02T00:00:00Z"))
    attest(layout, cyclonedx("3", "a", "b", "c"))
    other = attest(layout, spdx("1"), SPDX)
    boms = claimed(layout)
    assert formats_of(boms) == {"cyclonedx", "spdx"}
    for listed in (boms, boms[::-1]):
        assert choose(listed).statement == newest
        assert choose(listed, frozenset({"spdx"})).statement == other
        assert choose(listed, digest=other[:20]).statement == other
        assert choose(listed, digest=other[7:20]).statement == other
    with pytest.raises(InputError):
        choose(boms, digest="sha256:")
    with pytest.raises(InputError):
        choose([])


def test_of_the_same_time_the_most_complete(layout: LayoutLab) -> None:
    attest(layout, cyclonedx("1", "a"))
    most = attest(layout, cyclonedx("1", "a", "b"))
    assert choose(claimed(layout)).statement == most


def test_one_that_nobody_signed_comes_last(layout: LayoutLab) -> None:
    signed = attest(layout, cyclonedx("1", "a"))
    bare = json.dumps(cyclonedx("9", "a", "b", created="2030-01-01T00:00:00Z")).encode()
    layout.attach((bare, "application/vnd.cyclonedx+json", {}), how="sbom")
    layout.attach((statement(layout.digest, CYCLONEDX, cyclonedx("8", "z")), IN_TOTO, {}), how="referrer")
    boms = claimed(layout)
    assert sorted(one.state for one in boms) == ["not_verified", "unsigned", "unsigned"]
    assert choose(boms).statement == signed


def test_those_of_another_image_are_not_taken(layout: LayoutLab) -> None:
    payload = statement("sha256:" + "1" * 64, CYCLONEDX, cyclonedx("1", "a"))
    layout.attach((as_json(envelope(payload, KEY)), DSSE, {}), how="att")
    layout.attach((payload, IN_TOTO, {}), how="referrer")
    assert claimed(layout) == []


@pytest.mark.parametrize(
    ("make", "states"),
    [
        (lambda one: (as_json(bundle({"dsseEnvelope": one}, KEY)), BUNDLE, {}), ["not_verified"]),
        (lambda one: (b"{}", BUNDLE, {}), []),
        (lambda one: (b"not json", DSSE, {}), ["not_verified"]),
        (lambda one: (as_json(one | {"payloadType": "text/plain"}), DSSE, {}), []),
        (lambda one: (as_json(one | {"payload": "e30="}), DSSE, {}), ["not_verified"]),
        (lambda one: (b"<html>", "text/spdx", {}), ["unsigned"]),
    ],
)
def test_every_form_and_every_damage(
    layout: LayoutLab, make: Callable[[Any], tuple[bytes, str, dict[str, str]]], states: list[str]
) -> None:
    sealed = envelope(statement(layout.digest, CYCLONEDX, cyclonedx("1", "a")), KEY)
    layout.attach(make(sealed), how="referrer")
    found = claimed(layout)
    assert [one.state for one in found] == states
    assert all(one.bom is not None or one.problem for one in found)


def test_what_buildkit_lists_beside_the_image_is_found_and_never_signed(layout: LayoutLab) -> None:
    layout.platforms("amd64", "arm64")
    tree = json.loads(layout.path(layout.digest).read_bytes())
    for image, version in zip([one["digest"] for one in tree["manifests"]], ("1", "2"), strict=True):
        body = layout.manifest((statement(image, SPDX, spdx(version)), IN_TOTO, {}))
        notes = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image}
        entry = {"mediaType": MANIFEST, "digest": layout.blob(body), "size": len(body), "annotations": notes}
        tree["manifests"].append(entry | {"platform": {"os": "unknown", "architecture": "unknown"}})
    layout.write_index({"schemaVersion": 2, "manifests": []})
    layout.listed(as_json(tree), INDEX, annotations={REF_NAME: "latest"})
    with opened(layout) as files:
        image, (bom,) = claimed_boms(Layout(files), "linux/arm64")
        looked = look_at_image(Layout(files), "image", Wanted((KEY.public,)), platform="linux/arm64")
    assert image.digest == tree["manifests"][1]["digest"]
    assert bom.state == "unsigned" and [one.version for one in bom.bom.components] == ["2"]
    assert [one.kind for one in looked.findings] == ["unsigned"]
    assert not decide(looked, Wanted((KEY.public,)), (SPDX,)).ok


# ---- sbom diff -------------------------------------------------------------------------------------------------------


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["sbom", "diff", *map(str, arguments)])


@pytest.fixture
def images(tmp_path: Path) -> tuple[LayoutLab, LayoutLab]:
    (tmp_path / "key.pub").write_bytes(KEY.pem)
    (tmp_path / "other.pub").write_bytes(Key().pem)
    found = tuple(make_layout(tmp_path / name, name) for name in ("old", "new"))
    for layout, version in zip(found, ("1.0.0", "1.1.0"), strict=True):
        layout.attach(simple(KEY, claim(layout.digest)))
        attest(layout, cyclonedx(version, "a"))
    return found[0], found[1]


def test_attested_sboms_are_compared_and_their_signature_is_verified(
    images: tuple[LayoutLab, LayoutLab], tmp_path: Path
) -> None:
    old, new = images
    archive = new.archive(tmp_path / "new.tar")
    found = json.loads(run(old.root, archive, "--key", tmp_path / "key.pub", "--json").stdout)
    assert [(one["kind"], one["name"]) for one in found["changes"] if one["name"] == "a"] == [("version_upgraded", "a")]
    for side, layout in (("old", old), ("new", new)):
        origin = found["origins"][side]
        assert (origin["kind"], origin["signature"], origin["image"]) == ("attested", "verified", layout.digest)
        assert origin["signers"] == [KEY.public.id] and origin["warning"] == ""


@pytest.mark.parametrize(("key", "code"), [("key.pub", 0), ("other.pub", 4)])
def test_the_signatures_in_a_compressed_archive_are_looked_at(
    images: tuple[LayoutLab, LayoutLab], tmp_path: Path, key: str, code: int
) -> None:
    packed = []
    for layout, name in zip(images, ("old", "new"), strict=True):
        archive = layout.archive(tmp_path / f"{name}.tar")
        packed.append(archive.with_suffix(".tar.gz"))
        packed[-1].write_bytes(gzip.compress(archive.read_bytes()))
    runs = [
        run(*packed, "--key", tmp_path / key, "--json"),
        CliRunner().invoke(app, ["verify", str(packed[0]), "--key", str(tmp_path / key)]),
        CliRunner().invoke(app, ["release", *map(str, packed), "--key", str(tmp_path / key)]),
    ]
    assert [getattr(one.exception, "exit_code", one.exit_code) for one in runs] == [code] * 3
    if code == 0:
        origins = json.loads(runs[0].stdout)["origins"]
        assert {(one["kind"], one["signature"]) for one in origins.values()} == {("attested", "verified")}


def test_without_a_key_it_is_said_that_nobody_verified(images: tuple[LayoutLab, LayoutLab]) -> None:
    done = run(images[0].root, images[1].root)
    assert done.exit_code == 0
    assert done.output.count("the signature of the SBOM was not verified") >= 2


@pytest.mark.parametrize("spoil", ["key", "blob", "nothing attested"])
def test_with_a_key_nothing_else_is_compared(images: tuple[LayoutLab, LayoutLab], tmp_path: Path, spoil: str) -> None:
    old, new = images
    key = tmp_path / ("other.pub" if spoil == "key" else "key.pub")
    if spoil == "blob":
        layer = json.loads(new.path(new.digest).read_bytes())["layers"][0]["digest"]
        new.path(layer).write_bytes(b"x" * new.path(layer).stat().st_size)
    if spoil == "nothing attested":
        new.write_index({**new.index, "manifests": new.index["manifests"][:2]})
    done = run(old.root, new.root, "--key", key)
    assert isinstance(done.exception, AssayError) and done.exception.exit_code == 4
    assert "--make" in done.exception.hint


def test_an_image_without_an_sbom_gets_one_made_and_it_is_said(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for name in ("etc", "usr/bin", "var"):
        (tree / name).mkdir(parents=True)
    (tree / "etc/os-release").write_text("ID=vela\nVERSION_ID=1\n")
    layout = make_layout(tmp_path / "image", "ID=vela\nVERSION_ID=2\n")
    done = run(tree, layout.root, "--json", "--clock", "2026-01-31T00:00:00Z")
    found = json.loads(done.stdout)
    assert found["origins"]["old"]["kind"] == "made" and found["origins"]["new"]["kind"] == "made"
    assert found["origins"]["new"]["image"] == layout.digest
    assert "no SBOM is attached" in found["origins"]["new"]["why"]
    assert [(one["before"], one["after"]) for one in found["changes"] if one["name"] == "vela"] == [("1", "2")]
    # Neither has a package database that is known: what cannot be read is never "nothing changed".
    assert done.exit_code == 3 and any("package database" in one for one in found["incomplete"])


def test_make_rests_on_the_signature_of_the_image(images: tuple[LayoutLab, LayoutLab], tmp_path: Path) -> None:
    found = json.loads(run(images[0].root, images[1].root, "--make", "--key", tmp_path / "key.pub", "--json").stdout)
    assert {one["kind"] for one in found["origins"].values()} == {"made"}
    assert {one["signature"] for one in found["origins"].values()} == {"verified"}
    refused = run(images[0].root, images[1].root, "--make", "--key", tmp_path / "other.pub")
    assert isinstance(refused.exception, AssayError) and refused.exception.exit_code == 4


def test_what_is_opened_must_be_what_was_signed(
    images: tuple[LayoutLab, LayoutLab], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Someone puts another image in its place between the verification and the reading."""
    other, real = make_layout(tmp_path / "third", "third"), shared.open_target
    monkeypatch.setattr(shared, "open_target", lambda name, **options: real(str(other.root)))
    done = run(images[0].root, images[1].root, "--make", "--key", tmp_path / "key.pub")
    assert isinstance(done.exception, AssayError) and done.exception.exit_code == 4
    assert f"what was opened is {other.digest}" in done.exception.message


def test_of_several_the_others_are_listed_and_can_be_chosen(
    images: tuple[LayoutLab, LayoutLab], tmp_path: Path
) -> None:
    old, new = images
    other = attest(new, cyclonedx("9.0.0", "a", created="2020-01-01T00:00:00Z"))
    attest(new, spdx("1"), SPDX)
    shown = run(old.root, new.root, "--key", tmp_path / "key.pub")
    assert "2 more are attached; this one: the format that both sides have" in shown.output
    assert other in shown.output
    chosen = run(old.root, new.root, "--key", tmp_path / "key.pub", "--sbom-digest", other[:24], "--json")
    found = json.loads(chosen.stdout)
    assert found["origins"]["new"]["statement"] == other
    assert any(one["after"] == "9.0.0" for one in found["changes"])
    wrong = run(old.root, new.root, "--sbom-digest", "sha256:0000")
    assert isinstance(wrong.exception, UsageError) and other in wrong.exception.hint


def test_the_format_of_the_other_side_is_preferred(images: tuple[LayoutLab, LayoutLab], tmp_path: Path) -> None:
    attest(images[1], spdx("1"), SPDX)
    document = tmp_path / "old.spdx.json"
    document.write_text(json.dumps(spdx("0")))
    found = json.loads(run(document, images[1].root, "--json").stdout)
    assert (found["old"]["format"], found["new"]["format"]) == ("spdx", "spdx")


@pytest.mark.parametrize(
    "options",
    [["--key", "KEY"], ["--platform", "linux/amd64"], ["--sbom-digest", "aa"], ["--slot", "b"], ["--luks-key", "KEY"]],
    ids=lambda options: options[0],
)
def test_options_that_would_say_nothing_are_refused(tmp_path: Path, options: list[str]) -> None:
    document = tmp_path / "a.json"
    document.write_text(json.dumps(cyclonedx("1", "a")))
    (tmp_path / "key.pub").write_bytes(KEY.pem)
    done = run(document, document, *(str(tmp_path / "key.pub") if one == "KEY" else one for one in options))
    assert isinstance(done.exception, UsageError)


@pytest.mark.parametrize(
    "index", ["garbage", "[]", '{"manifests": [{"digest": "sha256:zz", "size": 1}]}', '{"manifests": 1}']
)
def test_a_broken_layout_is_named(tmp_path: Path, index: str) -> None:
    layout = tmp_path / "broken"
    layout.mkdir()
    (layout / "oci-layout").write_text("{}")
    (layout / "index.json").write_text(index)
    document = tmp_path / "a.json"
    document.write_text(json.dumps(cyclonedx("1", "a")))
    done = run(document, layout)
    assert isinstance(done.exception, AssayError) and done.exception.exit_code in (3, 4)
    assert str(done.exception).startswith(str(layout))


def test_a_document_beside_a_verified_image_is_not_taken_for_verified(
    images: tuple[LayoutLab, LayoutLab], tmp_path: Path
) -> None:
    document = tmp_path / "old.json"
    document.write_text(json.dumps(cyclonedx("0.9.0", "a")))
    done = run(document, images[1].root, "--key", tmp_path / "key.pub")
    assert f"warning: {document}: nobody checked who made it" in done.output


def test_a_matrix_of_images(images: tuple[LayoutLab, LayoutLab], tmp_path: Path) -> None:
    import jsonschema_rs

    document = tmp_path / "base.json"
    document.write_text(json.dumps(cyclonedx("0.9.0", "a")))
    done = CliRunner().invoke(
        app, ["sbom", "matrix", str(document), *(str(one.root) for one in images), "--json", "--fail-on", "low"]
    )
    found = json.loads(done.stdout)
    jsonschema_rs.validator_for(documents()["sbom-matrix"]).validate(found)
    assert [one["kind"] for one in found["origins"]] == ["document", "attested", "attested"]
    assert {row["after"] for row in found["rows"] if row["name"] == "a"} == {"1.0.0", "1.1.0"}
    assert done.exit_code == (1 if found["worst"] in ("critical", "high", "medium", "low") else 0)
