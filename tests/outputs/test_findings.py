"""The flat reading: nothing is lost, nothing becomes better than it is, and every machine format gives the same bytes."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

import pytest

from scanner.outputs._findings import NOT_KNOWN, reading_of, unique
from scanner.outputs.base import named, names
from tests.outputs.finding_matrix import by_instance, hostile, matrix, with_statuses
from tests.outputs.report_checks import render_elsewhere
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import large, sample

FORMATS = (
    "cdxa",
    "csv",
    "csv-controls",
    "intoto-svr",
    "intoto-test-result",
    "junit",
    "markdown",
    "ocsf",
    "sarif",
    "sarif-github",
    "vsa",
)


def test_every_case_is_read_as_it_is() -> None:
    expected = by_instance()
    reading = reading_of(matrix())
    assert len(reading.results) == len(expected) == 36
    for one in reading.results:
        case = expected[one.instance]
        assert one.status == case.status
        assert one.half == case.half
        assert one.waived == (case.waiver == "valid")
        assert ("EXPIRED" in one.waiver_words) == (case.waiver == "expired")
        assert ("persistent half" in one.status_words) == bool(case.half)
        assert one.status_words.startswith(case.status.replace("_", " "))


def test_a_word_that_nobody_knows_is_unknown_and_not_mild() -> None:
    document = sample()
    document["results"][8] |= {"status": "passed", "severity": "harmless"}
    document["controls"][5]["status"] = "fine"
    reading = reading_of(document)
    assert reading.results[8].status == "unknown"
    assert reading.results[8].severity == "high"
    assert reading.controls[5].status == "unknown"
    assert "unknown" in NOT_KNOWN


def test_a_control_says_when_it_rests_on_half_a_proof() -> None:
    words = {one.id: one.status_words for one in reading_of(sample()).controls}
    assert words["3.1.1"] == "pass (persistent half)"
    assert words["5.1.20"] == "fail"


def test_the_target_is_called_by_its_host_name_only_when_it_is_one() -> None:
    document = sample()
    assert reading_of(document).target == "vela-0042"
    document["target"]["identity"]["host_name"] = "localhost"
    assert reading_of(document).target == "VelaOS 2.4 (beta) 2.4.0-rc3"
    document["target"]["identity"] = {}
    assert reading_of(document).target == "image without a name"


def test_what_is_no_digest_is_none() -> None:
    document = sample()
    assert len(reading_of(document).target_digest) == 64
    for digest in (None, "", "sha512:" + "ab" * 64, "sha256:" + "AB" * 32, "sha256:" + "ab" * 32 + "<b>"):
        document["target"]["digest"] = digest
        assert reading_of(document).target_digest == ""


def test_equal_names_get_numbers() -> None:
    assert list(unique(["a", "b", "a", "a (2)", "a"])) == ["a", "b", "a (2)", "a (2) (2)", "a (3)"]


def test_every_format_is_found_by_name() -> None:
    assert set(FORMATS) <= set(names())
    assert [named(name).id for name in FORMATS] == list(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_assessment_gives_the_same_bytes_elsewhere(name: str, tmp_path: Path) -> None:
    assert render_elsewhere(name.replace("-", "_"), tmp_path) == named(name).render(sample())


@pytest.mark.parametrize("name", FORMATS)
def test_the_order_of_keys_leaves_no_trace(name: str) -> None:
    def turned(value: object) -> object:
        if isinstance(value, dict):
            return {key: turned(value[key]) for key in reversed(value)}
        return [turned(item) for item in value] if isinstance(value, list) else value

    document = matrix()
    other = turned(document)
    assert isinstance(other, dict)
    assert list(other) != list(document)
    assert named(name).render(other) == named(name).render(document)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_read_back_gives_the_same_bytes(name: str) -> None:
    document = large()
    assert named(name).render(json.loads(json.dumps(document))) == named(name).render(document)


@pytest.mark.parametrize("words", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_no_invisible_character_gets_out(name: str, words: bool) -> None:
    assert len(PAYLOADS) >= 15
    text = named(name).render(hostile(words=words)).decode("utf-8")
    bad = {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Cn", "Zl", "Zp")}
    assert bad <= {"\n", "\r"}


@pytest.mark.parametrize("name", FORMATS)
def test_fit_and_half_are_in_every_format(name: str) -> None:
    text = named(name).render(matrix()).decode("utf-8")
    assert re.search("by.analogy", text, re.IGNORECASE)
    assert re.search("persistent ?half", text, re.IGNORECASE)
    plain = named(name).render(with_statuses("pass", "fail")).decode("utf-8")
    assert not re.search("by.analogy|persistent ?half[^_]", plain, re.IGNORECASE)


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_assessment_is_no_success(name: str) -> None:
    document = sample()
    document |= {"results": [], "controls": [], "summary": {}, "rules": {}, "unread": [], "profiles": []}
    text = named(name).render(document).decode("utf-8")
    assert "PASSED" not in text
    assert '"verificationResult":"FAILED"' in text or name != "vsa"
