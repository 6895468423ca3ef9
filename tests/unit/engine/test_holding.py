"""For what and until when a statement of a person holds."""

from __future__ import annotations

import pytest

from scanner.engine.holding import is_day, is_meant


@pytest.mark.parametrize("text", ["2027-01-31", "2028-02-29"])
def test_days(text: str) -> None:
    assert is_day(text)


@pytest.mark.parametrize("text", ["", "2027-02-29", "2027-1-31", "20270131", "2027-W01-1", "2027-01-31 ", "٢٠٢٧-٠١-٣١"])
def test_no_days(text: str) -> None:
    assert not is_day(text)


def test_a_pattern_is_over_host_name_or_system() -> None:
    identity = {"host_name": "lab-7", "os_id": "velaos"}
    assert [is_meant(one, identity) for one in ("*", "lab-*", "velaos", "Lab-*", "lab", "")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
    assert is_meant("*", {})
    assert not is_meant("lab-*", {"host_name": None})
