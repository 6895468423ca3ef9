"""`assay controls import` and `assay report --texts` as a user calls them."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema_rs
import pytest
from typer.testing import CliRunner, Result

from fixtures.evidence import freeze
from scanner.cli.main import app
from scanner.engine.content import load
from scanner.frameworks import catalog as catalogs
from scanner.model.errors import InputError, UsageError
from scanner.outputs.base import named
from tests.publisher_files import catalog, control, profile, rule, stig, zipped

RUN = CliRunner()
OURS = catalogs.frameworks(load())["stig-rhel10"]
FIRST, SECOND, *_ = OURS.controls.values()
CLOCK = "2026-10-01T00:00:00Z"


def assay(*arguments: str | Path, code: int = 0) -> Result:
    done = RUN.invoke(app, [str(one) for one in arguments])
    assert done.exit_code == code, (done.stdout, done.stderr, done.exception)
    return done


def published(release: str = "2", **revision: str) -> bytes:
    """The STIG in its publisher's form, as far as two rules go."""
    rules = [
        rule(one.id, revision.get(one.props["vuln"].replace("-", "_"), one.props["rule"]), group=one.props["vuln"])
        for one in (FIRST, SECOND)
    ]
    return stig(*rules, release=release)


@pytest.fixture(scope="module")
def assessment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("assessment") / "assessment.json"
    RUN.invoke(
        app,
        ["scan", str(freeze.path("velaos-weak")), "--profile", "stig", "--clock", CLOCK, "-q", "-o", f"json={path}"],
    )
    assert json.loads(path.read_bytes())["summary"]["stig-rhel10"]
    return path


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    (tmp_path / "stig.zip").write_bytes(zipped(("U_X_Manual_STIG/U_X_Manual-xccdf.xml", published())))
    assay("controls", "import", tmp_path / "stig.zip", "--output", tmp_path / "texts", "-q")
    return tmp_path / "texts"


def test_a_stig_is_imported_and_checked(tmp_path: Path) -> None:
    (tmp_path / "stig.zip").write_bytes(zipped(("U_X_Manual-xccdf.xml", published())))
    done = assay("controls", "import", tmp_path / "stig.zip", "--output", tmp_path / "texts")
    assert "stig-rhel10: 2 texts in" in done.stdout
    assert "version V1R2, as our catalog" in done.stdout
    assert f"{len(OURS.controls) - 2} in our catalog only: our wording stays" in done.stdout
    document = json.loads((tmp_path / "texts/stig-rhel10.json").read_bytes())
    schema = json.loads(assay("schema", "texts").stdout)
    jsonschema_rs.validate(schema, document)


def test_another_release_is_said(tmp_path: Path) -> None:
    revised = published("3", **{FIRST.props["vuln"].replace("-", "_"): "SV-1r99_rule"})
    (tmp_path / "stig.xml").write_bytes(revised)
    done = assay("controls", "import", tmp_path / "stig.xml", "--output", tmp_path / "texts")
    assert "version V1R3; our catalog has V1R2, and rules judge by that" in done.stdout
    assert f"1 of another revision than our catalog's: {FIRST.id}" in done.stdout


def test_the_same_files_give_the_same_bytes(tmp_path: Path, texts: Path) -> None:
    assay("controls", "import", tmp_path / "stig.zip", "--output", tmp_path / "again", "-q")
    assert (tmp_path / "again/stig-rhel10.json").read_bytes() == (texts / "stig-rhel10.json").read_bytes()


def test_a_catalog_with_a_baseline_as_json(tmp_path: Path) -> None:
    (tmp_path / "catalog.json").write_bytes(catalog(control("ac-2", "AC-2"), control("ac-3", "AC-3")))
    (tmp_path / "low.json").write_bytes(profile("ac-2"))
    done = assay(
        "controls", "import", tmp_path / "catalog.json", tmp_path / "low.json", "--output", tmp_path / "t", "--json"
    )
    (said,) = json.loads(done.stdout)
    assert (said["framework"], said["texts"], said["check"]["same"]) == ("nist-800-53-r5", 1, True)
    assert said["path"] == str(tmp_path / "t/nist-800-53-r5.json")


def test_a_report_carries_the_publishers_words(tmp_path: Path, texts: Path, assessment: Path) -> None:
    done = assay("report", assessment, "--texts", texts, "-o", f"cklb={tmp_path / 'with'}")
    assert done.stderr == ""
    assay("report", assessment, "-o", f"cklb={tmp_path / 'without'}")
    with_texts = (tmp_path / "with").read_text()
    assert f"The system must do {FIRST.id}." in with_texts
    assert f"Look at {FIRST.id} & more." in with_texts
    assert "The system must do" not in (tmp_path / "without").read_text()
    rules = json.loads(with_texts)["stigs"][0]["rules"]
    assert {one["rule_title"] for one in rules if one["rule_version"] not in (FIRST.id, SECOND.id)} <= {
        one.title for one in OURS.controls.values()
    }


def test_an_assessment_stays_what_it_is(tmp_path: Path, texts: Path, assessment: Path) -> None:
    assay("report", assessment, "--texts", texts, "-o", f"json={tmp_path / 'again.json'}")
    assert (tmp_path / "again.json").read_bytes() == assessment.read_bytes()
    assert json.loads(assay("report", assessment, "--texts", texts, "--json").stdout).get("texts") is None


def test_the_folder_can_be_a_setting(
    tmp_path: Path, texts: Path, assessment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TEXTS", str(texts))
    assay("report", assessment, "-o", f"cklb={tmp_path / 'set'}")
    assert f"The system must do {FIRST.id}." in (tmp_path / "set").read_text()
    assay("controls", "import", tmp_path / "stig.zip", "-q")
    snapshot = freeze.path("velaos-weak")
    assay("scan", snapshot, "--profile", "stig", "--clock", CLOCK, "-q", "-o", f"json={tmp_path / 'scan.json'}")
    assert (tmp_path / "scan.json").read_bytes() == assessment.read_bytes()


def test_texts_that_are_missing_or_old_are_said(tmp_path: Path, texts: Path, assessment: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = assay("report", assessment, "--texts", tmp_path / "empty", "-o", f"cklb={tmp_path / 'x'}")
    assert "no texts in" in done.stderr
    assert "our wording stands" in done.stderr
    path = texts / "stig-rhel10.json"
    document = json.loads(path.read_bytes())
    document["check"]["ours"] = "V1R1"
    path.write_text(json.dumps(document))
    done = assay("report", assessment, "--texts", texts, "-o", f"cklb={tmp_path / 'x'}")
    assert "were checked against version V1R1, the assessment has V1R2: import them again" in done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"framework": "cis-rhel10"}, "these are the texts of cis-rhel10"),
        ({"controls": {"a": {"id": 5}}}, "not a whole texts"),
        ({"schema": "assay/texts/v2"}, "this is not an Assay texts"),
    ],
)
def test_texts_of_a_wrong_form_are_refused(
    tmp_path: Path, texts: Path, assessment: Path, change: dict[str, object], says: str
) -> None:
    path = texts / "stig-rhel10.json"
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **change}))
    done = RUN.invoke(app, ["report", str(assessment), "--texts", str(texts), "-o", f"cklb={tmp_path / 'x'}"])
    assert isinstance(done.exception, InputError)
    assert says in str(done.exception)


def test_an_assessment_cannot_bring_texts_or_name_other_files(tmp_path: Path, texts: Path, assessment: Path) -> None:
    document = json.loads(assessment.read_bytes())
    document["texts"] = {"stig-rhel10": {"controls": 5}}
    document["summary"]["../texts/stig-rhel10"] = document["summary"]["stig-rhel10"]
    (tmp_path / "evil.json").write_text(json.dumps(document))
    assay("report", tmp_path / "evil.json", "-o", f"csv={tmp_path / 'x'}")
    assay("report", tmp_path / "evil.json", "--texts", texts, "-o", f"json={tmp_path / 'y'}")
    assert b'"texts"' not in (tmp_path / "y").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["controls", "import", "stig.zip"], "--output DIR"),
        (["controls", "import", "stig.zip", "--output", "t", "--framework", "nobody"], "no framework 'nobody'"),
        (["controls", "import", "absent.zip", "--output", "t"], "cannot be read"),
        (["controls", "import", "stig.zip", "stig.zip", "--output", "t"], "both texts of stig-rhel10"),
        (["report", "a.json", "--texts", "absent", "-o", "csv=x"], "there is no folder of texts absent"),
    ],
)
def test_what_to_do_is_said(
    tmp_path: Path, texts: Path, assessment: Path, arguments: list[str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.json").write_bytes(assessment.read_bytes())
    monkeypatch.chdir(tmp_path)
    done = RUN.invoke(app, arguments)
    assert isinstance(done.exception, UsageError | InputError)
    assert says in f"{done.exception} {done.exception.hint}"


def test_every_format_takes_texts(tmp_path: Path, texts: Path, assessment: Path) -> None:
    for name in ("cklb", "hdf", "html", "xccdf", "csv", "sarif", "junit", "ocsf", "table"):
        path = tmp_path / f"out{named(name).suffix}"
        assay("report", assessment, "--texts", texts, "-o", f"{name}={path}")
        assert path.stat().st_size > 0
