"""Release N against N+1 of a whole device, as a tree and as a disk image: fifteen of fifteen regressions found and named,
none of twenty harmless changes blamed."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fixtures.targets.tree import Device, write
from fixtures.targets.velaos import boot
from fixtures.targets.velaos.binary import has_policy_compiler
from tests.e2e.gate_lab import (
    CLOCK,
    HARMLESS,
    IN_PAPERS,
    ON_DISK,
    PACKAGES,
    PROFILES,
    REGRESSIONS,
    STRAY,
    UUID,
    harmless,
    image,
    regress,
    release_n,
    volumes,
    with_license,
    with_packages,
)
from tests.e2e.test_cli import assay

pytestmark = [
    pytest.mark.skipif(not has_policy_compiler(), reason="secilc is not installed: make test installs it"),
    pytest.mark.xdist_group("gate-release"),
]

POLICY = """schema: gate-policy/v1
supply_chain:
  materiality: low
  sbom_truth: true
"""


@dataclass(frozen=True)
class Lab:
    """The three releases in both forms: N, N with harmless changes alone, and N+1 with everything."""

    folder: Path

    def path(self, name: str, form: str) -> str:
        return str(self.folder / (name if form == "tree" else f"{name}.raw"))


def broken() -> Device:
    device = release_n()
    for what in REGRESSIONS:
        device = regress(device, what)
    return harmless(with_packages(device, *PACKAGES, STRAY))


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = tmp_path_factory.mktemp("gate")
    sealed = volumes(folder)
    made = {
        "old": (release_n(), sealed.good, boot.ROOT_UUID),
        "same": (harmless(release_n()), sealed.good, UUID),
        "new": (broken(), sealed.weak, UUID),
    }
    for name, (device, volume, uuid) in made.items():
        (folder / name).mkdir()
        write(folder / name, device.files)
        image(folder / f"{name}.raw", device, volume, uuid)
    return Lab(folder)


@pytest.fixture(scope="module", params=["tree", "image"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def baseline(lab: Lab, form: str) -> Iterator[str]:
    """The baseline of the first release, recorded from the target itself."""
    path = str(lab.folder / f"baseline-{form}.json")
    words = ("--by", "release@vela.example", "--reason", "release 2.4")
    done = assay("gate", "accept", lab.path("old", form), "--baseline", path, *words, *PROFILES, *CLOCK)
    assert done.returncode == 0, done.stderr
    yield path


def gate(*words: str) -> tuple[int, dict[str, Any]]:
    done = assay("gate", *words, *CLOCK, "--json")
    assert done.returncode in (0, 1, 3), done.stderr
    return done.returncode, json.loads(done.stdout)


def blamed(document: dict[str, Any]) -> list[str]:
    return [one["rule"] or one["name"] for one in document["differences"] if one["action"] != "note"]


def test_there_are_fifteen_and_twenty() -> None:
    assert (len(REGRESSIONS) + len(ON_DISK) + len(IN_PAPERS), len(HARMLESS)) == (15, 20)


def test_none_of_twenty_harmless_changes_is_blamed(lab: Lab, form: str, baseline: str) -> None:
    code, found = gate(lab.path("same", form), "--baseline", baseline)
    assert (code, found["decision"], blamed(found)) == (0, "met", [])
    assert found["new"]["targets"][0]["facts_digest"] != found["baseline"]["targets"][0]["facts_digest"]


def test_every_regression_of_the_system_is_found_and_named(lab: Lab, form: str, baseline: str) -> None:
    code, found = gate(lab.path("new", form), "--baseline", baseline)
    wanted = {rule for rule, _ in REGRESSIONS.values()} | (set(ON_DISK.values()) if form == "image" else set())
    assert (code, found["decision"]) == (1, "not_met")
    regressions = {one["rule"] for one in found["differences"] if one["class"] == "regression"}
    assert wanted <= regressions
    assert {one["action"] for one in found["differences"] if one["class"] == "regression"} == {"fail"}
    assert all(one["found"] and one["found_before"] for one in found["differences"] if one["rule"] in wanted)


def test_both_forms_say_the_same(lab: Lab) -> None:
    """But for what a tree has not: block devices."""
    found = {}
    for name in ("tree", "image"):
        _, document = gate(lab.path("new", name), "--baseline", lab.path("old", name), *PROFILES)
        found[name] = {one["rule"] for one in document["differences"] if one["class"] == "regression"}
    assert found["image"] - found["tree"] == set(ON_DISK.values())
    assert found["tree"] <= found["image"]


@pytest.mark.parametrize("what", sorted(REGRESSIONS))
def test_one_regression_among_harmless_changes(what: str, lab: Lab, tmp_path: Path) -> None:
    """What one change breaks is blamed, by the rule of its own, and everything that is blamed is about it."""
    rule, _ = REGRESSIONS[what]
    write(tmp_path, harmless(regress(release_n(), what)).files)
    code, found = gate(str(tmp_path), "--baseline", lab.path("old", "tree"), *PROFILES)
    names = blamed(found)
    assert code == 1
    assert rule in names
    others = {one for other, (one, _) in REGRESSIONS.items() if other != what}
    assert not others & set(names)


def test_the_baseline_of_a_tree_is_not_that_of_an_image(lab: Lab, baseline: str, form: str) -> None:
    other = "image" if form == "tree" else "tree"
    code, found = gate(lab.path("same", other), "--baseline", baseline)
    assert (code, found["decision"]) == (3, "different")
    assert "kind" in found["different"][0]
    code, found = gate(lab.path("same", other), "--baseline", baseline, "--allow-different")
    assert found["decision"] != "different"


# ---- bills of materials ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def papers(lab: Lab) -> dict[str, Path]:
    """The SBOMs of both releases made from their trees (the second before a package was swapped in the image), what they
    differ in, and whether they describe their images."""
    folder = lab.folder
    declared = folder / "declared"
    declared.mkdir()
    write(declared, with_packages(release_n(), *PACKAGES).files)
    sboms = {"old": folder / "old.cdx.json", "new": folder / "new.cdx.json"}
    for name, tree in (("old", folder / "old"), ("new", declared)):
        done = assay("sbom", "make", str(tree), "-o", f"cyclonedx={sboms[name]}", *CLOCK)
        assert done.returncode in (0, 3), done.stderr
    with_license(sboms["new"], "libgreen", "GPL-3.0-only")
    found = {"diff": folder / "diff.json"}
    done = assay("sbom", "diff", str(sboms["old"]), str(sboms["new"]), "-o", f"json={found['diff']}", "-q")
    assert done.returncode in (0, 3), done.stderr
    for name, sbom in (("old", "old"), ("new", "new")):
        found[name] = folder / f"truth-{name}.json"
        done = assay("sbom", "verify", str(sboms[sbom]), str(folder / name), "-o", f"json={found[name]}", "-q")
        assert done.returncode in (0, 3, 4), done.stderr
    return found


def test_every_regression_of_the_supply_chain_is_found_and_named(
    lab: Lab, papers: dict[str, Path], tmp_path: Path
) -> None:
    policy = tmp_path / "gate.yaml"
    policy.write_text(POLICY)
    evidence = ("--evidence", str(papers["diff"]), "--evidence", str(papers["new"]))
    old = lab.path("old", "tree")
    code, found = gate(lab.path("same", "tree"), "--baseline", old, "--policy", str(policy), *evidence, *PROFILES)
    failed = [one for one in found["checks"] if one["state"] == "failed"]
    assert code == 1
    for check, component in IN_PAPERS.values():
        assert any(one["check"] == check and component in one["text"] for one in failed), (check, component, failed)
    assert blamed(found) == []


def test_documents_that_the_policy_wants_must_be_there(lab: Lab, papers: dict[str, Path], tmp_path: Path) -> None:
    policy = tmp_path / "gate.yaml"
    policy.write_text(POLICY)
    old = lab.path("old", "tree")
    code, found = gate(lab.path("same", "tree"), "--baseline", old, "--policy", str(policy), *PROFILES)
    assert (code, found["decision"]) == (3, "incomplete")
    assert sum(one["state"] == "incomplete" for one in found["checks"]) == 2
