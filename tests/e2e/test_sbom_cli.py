"""`assay sbom diff` and `assay sbom timeline` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.model.errors import ContentError, InputError, UsageError
from scanner.schemas.generate import documents

RUN = CliRunner()


def release(path: Path, version: str, *packages: tuple[str, str], **more: Any) -> str:
    components = [
        {"type": "library", "bom-ref": name, "name": name, "version": number, "purl": f"pkg:npm/{name}@{number}"}
        for name, number in packages
    ]
    subject = {"type": "firmware", "bom-ref": "device", "name": "device", "version": version}
    document = {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": subject},
        "components": components,
        **more,
    }
    path.write_text(json.dumps(document))
    return str(path)


@pytest.fixture
def releases(tmp_path: Path) -> list[str]:
    return [
        release(tmp_path / "1.json", "1", ("a", "1.0.0"), ("b", "2.0.0")),
        release(tmp_path / "2.json", "2", ("a", "1.0.1"), ("b", "1.9.0")),
        release(tmp_path / "3.json", "3", ("a", "1.0.1"), ("c", "1.0.0")),
    ]


def test_the_summary_comes_first(releases: list[str]) -> None:
    result = RUN.invoke(app, ["sbom", "diff", *releases[:2]])
    assert result.exit_code == 0
    assert result.output.startswith("device 2 compared with device 1: of 3 components, 2 updated, 1 taken back")
    assert "mended faults may be back" in result.output


@pytest.mark.parametrize(("level", "code"), [("critical", 0), ("high", 1), ("low", 1)])
def test_fail_on(releases: list[str], level: str, code: int) -> None:
    assert RUN.invoke(app, ["sbom", "diff", *releases[:2], "--fail-on", level]).exit_code == code


def test_equal_documents_pass_every_gate(releases: list[str]) -> None:
    result = RUN.invoke(app, ["sbom", "diff", releases[0], releases[0], "--fail-on", "low", "--json"])
    assert (result.exit_code, json.loads(result.output)["changes"]) == (0, [])


def test_every_format_in_one_call(releases: list[str], tmp_path: Path) -> None:
    names = ["table", "json", "md", "html", "csv"]
    outs = [part for name in names for part in ("-o", f"{name}={tmp_path / 'out' / name}")]
    assert RUN.invoke(app, ["sbom", "diff", *releases[:2], "--quiet", *outs]).output == ""
    assert all((tmp_path / "out" / name).stat().st_size > 100 for name in names)


def test_a_policy_of_the_buyer(releases: list[str], tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    rule = "{id: r, kinds: [version_upgraded], when: {name: [a]}, materiality: critical, says: 'no'}"
    policy.write_text(f"schema: sbom-policy/v1\nid: own\nrules: [{rule}]\n")
    result = RUN.invoke(app, ["sbom", "diff", *releases[:2], "--policy", str(policy), "--fail-on", "critical"])
    assert result.exit_code == 1
    policy.write_text("schema: sbom-policy/v1\nid: own\nrules: []\n")
    wrong = RUN.invoke(app, ["sbom", "diff", *releases[:2], "--policy", str(policy)])
    assert isinstance(wrong.exception, ContentError)


def test_vex_beside_the_sbom(tmp_path: Path) -> None:
    flaw = {"id": "CVE-1", "ratings": [{"severity": "critical"}], "affects": [{"ref": "a"}]}
    old = release(tmp_path / "1.json", "1", ("a", "1.0.0"))
    new = release(tmp_path / "2.json", "2", ("a", "1.0.0"), vulnerabilities=[flaw])
    vex = tmp_path / "vex.json"
    said = {"vulnerability": {"name": "CVE-1"}, "status": "not_affected", "products": [{"@id": "pkg:npm/a@1.0.0"}]}
    vex.write_text(json.dumps({"@context": "https://openvex.dev/ns/v0.2.0", "author": "me", "statements": [said]}))
    assert RUN.invoke(app, ["sbom", "diff", old, new, "--fail-on", "high"]).exit_code == 1
    assert RUN.invoke(app, ["sbom", "diff", old, new, "--fail-on", "high", "--vex", str(vex)]).exit_code == 0


def test_what_could_not_be_read_makes_it_incomplete(tmp_path: Path) -> None:
    one = release(tmp_path / "1.json", "1", ("a", "1.0.0"))
    document = json.loads(Path(one).read_text())
    document["components"].append("not a component")
    Path(one).write_text(json.dumps(document))
    result = RUN.invoke(app, ["sbom", "diff", one, one])
    assert result.exit_code == 3
    assert "component" in result.output


def test_a_matrix(releases: list[str], tmp_path: Path) -> None:
    names = ["table", "json", "md", "html", "csv"]
    outs = [part for name in names for part in ("-o", f"{name}={tmp_path / 'out' / name}")]
    result = RUN.invoke(app, ["sbom", "matrix", *releases, *outs])
    assert result.exit_code == 0
    assert "2 releases compared with device 1: 6 different changes, 1 of them in all, 5 in only one." in result.output
    assert "  H  –  b  2.0.0 → 1.9.0" in result.output.replace("\n", "\n ")
    assert all((tmp_path / "out" / name).stat().st_size > 100 for name in names)
    assert RUN.invoke(app, ["sbom", "matrix", *releases, "--fail-on", "high"]).exit_code == 1
    assert RUN.invoke(app, ["sbom", "matrix", releases[0], "--quiet"]).exit_code == 2


def test_a_timeline(releases: list[str], tmp_path: Path) -> None:
    result = RUN.invoke(app, ["sbom", "timeline", *releases])
    assert result.exit_code == 0
    assert "3  device 3: 3 components, 1 came, 1 went, 1 changed version" in result.output
    table = tmp_path / "t.csv"
    assert RUN.invoke(app, ["sbom", "timeline", *releases, "-o", f"csv={table}"]).exit_code == 0
    assert "b,pkg:npm/b,npm,2.0.0,1.9.0," in table.read_text().replace("\r", "")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["absent.json", "absent.json"], InputError),
        (["-", "-"], UsageError),
        (["a", "b", "--fail-on", "none"], UsageError),
        (["a", "b", "--as-of", "soon"], UsageError),
        (["a", "b", "--as-of", "2026-13-01"], UsageError),
    ],
)
def test_mistakes_are_said(arguments: list[str], error: type[Exception]) -> None:
    assert isinstance(RUN.invoke(app, ["sbom", "diff", *arguments]).exception, error)


def test_an_unknown_format_is_refused(releases: list[str]) -> None:
    assert isinstance(RUN.invoke(app, ["sbom", "timeline", *releases, "-o", "html=x"]).exception, UsageError)


def test_check_names_what_lacks_what(releases: list[str], tmp_path: Path) -> None:
    result = RUN.invoke(app, ["sbom", "check", releases[0]])
    assert result.exit_code == 0
    assert "Schema: valid" in result.output
    assert "NTIA minimum elements (2021): missing" in result.output
    assert "0 of 3 (0 %)" in result.output
    found = json.loads(RUN.invoke(app, ["sbom", "check", releases[0], "--json"]).output)
    assert found["schema"] == "assay/sbom-check/v1"
    assert found["validity"]["state"] == "valid"
    validator = jsonschema_rs.validator_for(documents()["sbom-check"])
    validator.validate(found)
    assert not validator.is_valid(found | {"validity": {}})
    assert {one["id"] for one in found["lists"]} >= {"ntia-2021", "cisa-2026", "bsi-tr-03183-2"}


def test_check_ends_1_when_a_list_is_not_met(releases: list[str], tmp_path: Path) -> None:
    assert RUN.invoke(app, ["sbom", "check", releases[0], "--fail-on", "schema"]).exit_code == 0
    assert RUN.invoke(app, ["sbom", "check", releases[0], "--fail-on", "ntia-2021"]).exit_code == 1
    assert isinstance(RUN.invoke(app, ["sbom", "check", releases[0], "--fail-on", "x"]).exception, UsageError)
    broken = tmp_path / "broken.json"
    broken.write_text('{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": [{"name": "a"}]}')
    assert RUN.invoke(app, ["sbom", "check", str(broken), "--fail-on", "schema"]).exit_code == 1
