"""login.defs and useradd's defaults: what shadow-utils makes of odd lines."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import login_defs


def test_names_and_values() -> None:
    found = login_defs.parse_login_defs(
        '# PASS_MAX_DAYS 1\n  PASS_MAX_DAYS\t365  \nMAIL_DIR "/var/mail" rest\nALONE\nUMASK 027 # why\n\nX 1\r\n'
    )
    assert [(item.key, item.value, item.line) for item in found] == [
        ("PASS_MAX_DAYS", "365", 2),
        ("MAIL_DIR", "/var/mail", 3),
        ("UMASK", "027 # why", 5),
        ("X", "1", 7),
    ]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("365", 365),
        ("-1", -1),
        ("027", 0o27),
        ("0x10", 16),
        ("0", 0),
        ("365 # days", None),
        ("", None),
        ("08", None),
        ("yes", None),
        ("٣", None),
        ("1_000", None),
    ],
)
def test_numbers_as_strtol(text: str, number: int | None) -> None:
    assert login_defs.number(text) == number


def test_useradd_wants_the_first_column() -> None:
    found = login_defs.parse_useradd("# INACTIVE=1\n INACTIVE=2\nINACTIVE=35\nSHELL=/bin/sh\nEXPIRE=\n")
    assert [(item.key, item.value) for item in found] == [("INACTIVE", "35"), ("SHELL", "/bin/sh"), ("EXPIRE", "")]


def test_binary_input_is_refused() -> None:
    with pytest.raises(ParseError):
        login_defs.parse_login_defs("UMASK\0 022")
    with pytest.raises(ParseError):
        login_defs.parse_useradd("A=\0")
