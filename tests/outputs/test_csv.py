"""CSV: the rows and columns, no formulas, nothing dropped."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from scanner.outputs.csv import COLUMNS as RESULT_COLUMNS
from scanner.outputs.csv import OUTPUT as RESULTS
from scanner.outputs.csv_controls import COLUMNS as CONTROL_COLUMNS
from scanner.outputs.csv_controls import OUTPUT as CONTROLS
from tests.outputs.finding_matrix import ANSWER, by_instance, hostile, matrix, only
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import result, sample

FORMULAS = (
    *(
        "=1+1",
        "+1+1",
        "-1+1",
        "@SUM(1)",
        "\t=1",
        "\r=1",
        "\n=1",
        " =1",
        "=cmd|' /C calc'!A0",
        "＝1+1",
        "＋1",
        "－1",
        "＠SUM(1)",
    ),
    *('=HYPERLINK("http://192.0.2.1/")', "\ufeff=1", "'=1"),
)
STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))


def test_a_row_is_a_result_with_all_its_words() -> None:
    found = rows(RESULTS.render(matrix()))
    expected = by_instance()
    assert [row["instance"] for row in found] == list(expected)
    for row in found:
        case = expected[row["instance"]]
        assert tuple(row) == RESULT_COLUMNS
        assert row["status"] == case.status
        assert row["half"] == case.half
        assert ("persistent half" in row["status_words"]) == bool(case.half)
        assert row["waiver_expired"] == {"none": "", "valid": "no", "expired": "yes"}[case.waiver]
        assert row["waiver_id"] == {"none": "", "valid": "W-12", "expired": "W-3"}[case.waiver]
        assert row["fit"].startswith("cis-rhel10 by_analogy")
        assert row["control_id"].startswith("cis-rhel10 1.")
        assert row["target"] == "vela-0042"
        assert row["evaluated_at"] == "2026-11-20T12:00:00Z"
        assert row["remediation"]


def test_a_row_is_a_control_with_its_answer() -> None:
    found = {row["control_id"]: row for row in rows(CONTROLS.render(matrix()))}
    assert len(found) == len(matrix()["controls"])
    assert all(tuple(row) == CONTROL_COLUMNS for row in found.values())
    assert found["9.1"]["status"] == found["9.2"]["status"] == found["9.3"]["status"] == "manual"
    assert [found[name]["answer_holds"] for name in ("9.1", "9.2", "9.3")] == ["yes", "no", ""]
    assert found["9.1"]["answer_by"] == "A. Reviewer"
    assert "ab" * 32 in found["9.1"]["answer_evidence"]
    assert found["9.4"]["coverage"] == "not_yet"
    assert found["9.4"]["status"] == "unknown"
    assert found["2.1"]["status"] == "pass_in_part"
    assert {row["fit"] for row in found.values()} == {"by_analogy", "exact"}
    halves = [row for row in found.values() if row["rules_persistent_half"] == "1" and row["status"] == "pass"]
    assert halves
    assert {row["status_words"] for row in halves} == {"pass (persistent half)"}
    assert {case.status for case in by_instance().values()} <= {row["status"] for row in found.values()}


@pytest.mark.parametrize("formula", FORMULAS)
def test_no_cell_is_a_formula(formula: str) -> None:
    document = only(result(300, "fail"), answered={**ANSWER, "statement": formula})
    document["results"][0] |= {"found": formula, "title": formula, "expected": formula}
    document["target"]["identity"]["host_name"] = formula
    for output in (RESULTS, CONTROLS):
        for row in rows(output.render(document)):
            assert not any(cell.lstrip().startswith(STARTS) for cell in row.values())
    (row,) = rows(RESULTS.render(document))
    assert row["found"].lstrip("'").strip().endswith(formula.strip().lstrip("'\ufeff"))


@pytest.mark.parametrize("name", sorted(PAYLOADS))
def test_no_payload_adds_a_row_or_a_column(name: str) -> None:
    for output in (RESULTS, CONTROLS):
        found, plain = rows(output.render(hostile(name))), rows(output.render(sample()))
        assert len(found) == len(plain)
        assert all(set(row) == set(plain[0]) and None not in row.values() for row in found)


def test_lines_end_as_the_standard_says() -> None:
    def ends(document: dict[str, Any]) -> tuple[int, int]:
        data = RESULTS.render(document)
        return data.count(b"\r\n"), data.count(b"\n")

    assert ends(hostile()) == (13, 13)
