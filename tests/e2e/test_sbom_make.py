"""`assay sbom make` and `assay sbom verify` as a user calls them, on small systems and on a real Debian."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.model.errors import InputError, UsageError
from tests.small_systems import alpine, program, write_program

RUN = CliRunner()
CLOCK = ["--clock", "2026-01-31T00:00:00Z"]


@pytest.fixture
def system(tmp_path: Path) -> Path:
    return alpine(tmp_path / "root")


def made(root: Path, folder: Path, *more: str) -> tuple[Path, Path]:
    cyclonedx, spdx = folder / "sbom.cdx.json", folder / "sbom.spdx.json"
    outs = ["-o", f"cyclonedx={cyclonedx}", "-o", f"spdx={spdx}"]
    result = RUN.invoke(app, ["sbom", "make", str(root), *outs, *CLOCK, "--quiet", *more])
    assert (result.exit_code, result.output) == (0, "")
    return cyclonedx, spdx


def test_make_then_verify(system: Path, tmp_path: Path) -> None:
    for path in made(system, tmp_path):
        result = RUN.invoke(app, ["sbom", "verify", str(path), str(system)])
        assert result.exit_code == 0
        assert result.output.startswith("The SBOM describes the target.\n3 components are listed, 3 of them were found")


def test_the_summary_and_json(system: Path) -> None:
    write_program(system, "/usr/bin/own", program("own"))
    said = RUN.invoke(app, ["sbom", "make", str(system)]).output
    assert said.startswith("alpine 3.20.1: 4 components (3 apk, 1 file)\n1 programs")
    document = json.loads(RUN.invoke(app, ["sbom", "make", str(system), "--json", *CLOCK]).output)
    assert (document["specVersion"], document["metadata"]["timestamp"]) == ("1.6", CLOCK[1])


def test_an_untrue_document_ends_four(system: Path, tmp_path: Path) -> None:
    path, _ = made(system, tmp_path)
    write_program(system, "/usr/bin/evil", program("evil"))
    result = RUN.invoke(app, ["sbom", "verify", str(path), str(system)])
    assert result.exit_code == 4
    assert "The program /usr/bin/evil belongs to no installed package" in result.output
    document = json.loads(RUN.invoke(app, ["sbom", "verify", str(path), str(system), "--json"]).output)
    assert document["verdict"] == "untrue"
    outs = ["-o", f"json={tmp_path / 'truth.json'}", "-o", f"table={tmp_path / 'truth.txt'}"]
    assert RUN.invoke(app, ["sbom", "verify", str(path), str(system), "-q", *outs]).exit_code == 4
    assert json.loads((tmp_path / "truth.json").read_text()) == document
    assert "/usr/bin/evil" in (tmp_path / "truth.txt").read_text()


def test_what_cannot_be_known_ends_three(system: Path, tmp_path: Path) -> None:
    path, _ = made(system, tmp_path)
    document: dict[str, Any] = json.loads(path.read_text())
    document["components"].append({"type": "library", "name": "a", "purl": "pkg:golang/example.org/a@v1"})
    path.write_text(json.dumps(document))
    result = RUN.invoke(app, ["sbom", "verify", str(path), str(system)])
    assert result.exit_code == 3
    assert "no program that Go built was found" in result.output


def test_a_tree_without_packages_ends_three(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    result = RUN.invoke(app, ["sbom", "make", str(tmp_path)])
    assert result.exit_code == 3
    assert "package database" in result.output


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["make", ".", "-o", "html=x"], UsageError),
        (["make", ".", "--clock", "now"], UsageError),
        (["verify", "absent.json", "."], InputError),
    ],
)
def test_mistakes_are_said(arguments: list[str], error: type[Exception]) -> None:
    assert isinstance(RUN.invoke(app, ["sbom", *arguments]).exception, error)


def test_the_same_bytes_under_other_surroundings(system: Path, tmp_path: Path) -> None:
    first = [path.read_bytes() for path in made(system, tmp_path, "--files")]
    other = tmp_path / "other"
    other.mkdir()
    command = [sys.executable, "-m", "scanner.cli.main", "sbom", "make", str(system), "--files", "--quiet"]
    outs = ["-o", "cyclonedx=c", "-o", "spdx=s"]
    surroundings = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "SOURCE_DATE_EPOCH": "1769817600"}
    env = {**os.environ, **surroundings, "PYTHONPATH": os.getcwd()}
    subprocess.run([*command, *outs], cwd=other, env=env, check=True, umask=0o077)
    assert [(other / name).read_bytes() for name in ("c", "s")] == first


def test_a_real_debian_agrees_with_dpkg_query(debian: Path, tmp_path: Path) -> None:
    cyclonedx, spdx = made(debian, tmp_path)
    form = "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\n"
    command = ["dpkg-query", f"--admindir={debian}/var/lib/dpkg", "-W", "-f", form]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    wanted = sorted(line.partition("\t")[2] for line in said if line.startswith("installed\t"))
    found = [
        "\t".join((one["name"], one["version"], one["purl"].partition("arch=")[2].partition("&")[0]))
        for one in json.loads(cyclonedx.read_text())["components"]
        if one.get("purl", "").startswith("pkg:deb/")
    ]
    assert sorted(found) == wanted
    for path in (cyclonedx, spdx):
        document = json.loads(RUN.invoke(app, ["sbom", "verify", str(path), str(debian), "--json"]).output)
        assert (document["verdict"], document["differences"]) == ("true", [])
