"""Unit file syntax and unit names (systemd.syntax(7), systemd.unit(5))."""

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.systemd_unit import (
    Unit,
    instance_of,
    is_template,
    listens,
    may_be_alias,
    parse,
    schedule,
    truth,
    unit_type,
    with_instance,
    words,
)


def unit(*texts: str) -> Unit:
    return Unit.of([parse(text) for text in texts])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[Service]\nExecStart=/bin/a\n", ["/bin/a"]),
        ("[Service]\n  ExecStart = /bin/a  \n", ["/bin/a"]),
        ("[Service]\nExecStart=/bin/a \\\n  --b \\\n  c\n", ["/bin/a    --b    c"]),
        ("[Service]\nExecStart=/bin/a \\\n# not a part\n  --b\n", ["/bin/a    --b"]),
        ("[Service]\n#ExecStart=/bin/a\n;ExecStart=/bin/b\n  # ExecStart=/bin/c\n", []),
        ("[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\n", ["/bin/b"]),
        ("[Service]\r\nExecStart=/bin/a\r\n", ["/bin/a"]),
        ("\ufeff[Service]\nExecStart=/bin/a", ["/bin/a"]),
        ("ExecStart=/bin/a\n[Unit]\nExecStart=/bin/b\n", []),
        ("[service]\nExecStart=/bin/a\n", []),
        ("[Service]\nexecstart=/bin/a\n", []),
        ("[Service]\nExecStart=/bin/a \\\\\nExecStart=/bin/b\n", ["/bin/a \\\\", "/bin/b"]),
        ("[Service]\nno assignment\nExecStart=/bin/a \\", ["/bin/a"]),
    ],
)
def test_values(text: str, expected: list[str]) -> None:
    assert unit(text).values("Service", "ExecStart") == expected


def test_a_drop_in_resets_and_replaces() -> None:
    both = unit("[Service]\nExecStart=/bin/a\nUser=x\n", "[Service]\nExecStart=\nExecStart=/bin/b\nUser=\n")
    assert both.values("Service", "ExecStart") == ["/bin/b"]
    assert both.last("Service", "User") is None


def test_dependencies_cannot_be_reset() -> None:
    both = unit("[Unit]\nAfter=a.service b.service\n", "[Unit]\nAfter=\nAfter=c.service\n")
    assert both.names("Unit", "After") == ["a.service", "b.service", "c.service"]
    assert unit("[Install]\nWantedBy=a.target\nWantedBy=\n").names("Install", "WantedBy") == []


@pytest.mark.parametrize("text", ["[Service\nExecStart=/bin/a\n", "[Unit]\nDescription=\udcff\n"])
def test_what_systemd_refuses(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a b  c", ["a", "b", "c"]),
        ("\"a b\" 'c d'", ["a b", "c d"]),
        ("a\\x2db", ["a\\x2db"]),
        ('a "b', ["a"]),
        ("", []),
    ],
)
def test_words(value: str, expected: list[str]) -> None:
    assert words(value) == expected


def test_names() -> None:
    assert unit_type("getty@tty1.service") == "service"
    assert unit_type("README") is None
    assert unit_type("a b.service") is None
    assert is_template("getty@.service")
    assert not is_template("getty@tty1.service")
    assert instance_of("getty@tty1.service") == "getty@.service"
    assert instance_of("getty@.service") is None
    assert with_instance("getty@.service", "tty1") == "getty@tty1.service"
    assert may_be_alias("sshd.service", "ssh.service")
    assert not may_be_alias("sshd.service", "ssh.socket")
    assert not may_be_alias("sshd.service", "ssh@.service")
    assert may_be_alias("autovt@tty1.service", "getty@.service")


@pytest.mark.parametrize(
    ("value", "expected"), [("yes", True), ("1", True), ("off", False), ("maybe", True), (None, True)]
)
def test_truth(value: str | None, expected: bool) -> None:
    assert truth(value, True) is expected


def test_listens() -> None:
    places = listens(
        unit(
            "[Socket]\nListenStream=22\nListenStream=[::1]:23\nListenDatagram=/run/x\n"
            "ListenStream=vsock::24\nListenStream=127.0.0.1:25\nListenNetlink=route 1\n"
        )
    )
    assert [(place.family, place.host, place.port) for place in places] == [
        ("inet", None, 22),
        ("inet", "::1", 23),
        ("unix", None, None),
        ("vsock", None, 24),
        ("inet", "127.0.0.1", 25),
        ("other", None, None),
    ]
    assert (
        listens(unit("[Socket]\nListenStream=22\n", "[Socket]\nListenDatagram=\nListenStream=2222\n"))[0].port == 2222
    )


def test_schedule() -> None:
    assert schedule(unit("[Timer]\nOnCalendar=daily\nOnBootSec=5min\n")) == (["daily"], ["OnBootSec=5min"])
    assert schedule(unit("[Timer]\nOnCalendar=daily\n", "[Timer]\nOnBootSec=\n")) == ([], [])
