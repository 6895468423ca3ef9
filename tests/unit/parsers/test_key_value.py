"""pwquality.conf, faillock.conf, pwhistory.conf: the lexer they share."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import key_value


def test_settings() -> None:
    found = key_value.parse(
        "# minlen = 8\n minlen=14 # characters\nminclass = 4\ndcredit -1\nenforce_for_root\nx==1\ndeny = 3\r\n#\n=\n"
    )
    assert [(item.key, item.value, item.line) for item in found] == [
        ("minlen", "14", 2),
        ("minclass", "4", 3),
        ("dcredit", "-1", 4),
        ("enforce_for_root", "", 5),
        ("x", "=1", 6),
        ("deny", "3", 7),
        ("", "", 9),
    ]


@pytest.mark.parametrize(
    ("text", "number"), [("5", 5), ("-1", -1), ("+2", 2), ("5x", None), ("", None), ("-", None), ("³", None)]
)
def test_whole_number(text: str, number: int | None) -> None:
    assert key_value.whole_number(text) == number


def test_binary_input_is_refused() -> None:
    with pytest.raises(ParseError):
        key_value.parse("a\0=1")
