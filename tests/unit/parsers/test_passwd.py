"""The account files: states of password fields, ids, NIS lines, lines glibc would skip, and real hashes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import passwd


@pytest.mark.parametrize(
    ("field", "state", "method"),
    [
        ("", "empty", None),
        ("!", "locked", None),
        ("!!", "locked", None),
        ("!*", "locked", None),
        ("*", "no_login", None),
        ("x", "no_login", None),
        ("*LK*", "no_login", None),
        ("NP", "no_login", None),
        ("!$6$salt$hash", "locked", "sha512"),
        ("$6$salt$hash", "set", "sha512"),
        ("$5$salt$hash", "set", "sha256"),
        ("$1$salt$hash", "set", "md5"),
        ("$y$j9T$salt$hash", "set", "yescrypt"),
        ("$gy$j9T$salt$hash", "set", "gost-yescrypt"),
        ("$2b$05$saltandhash", "set", "bcrypt"),
        ("$7$salt$hash", "set", "scrypt"),
        ("$zz$new", "set", "unknown"),
        ("abJnggxhB/yWI", "set", "des"),
        ("_J9..rasmBYk8r9AiWNc", "set", "bsdi-des"),
    ],
)
def test_password_state(field: str, state: str, method: str | None) -> None:
    assert passwd.password_state(field) == (state, method)


def test_users_keep_what_is_written() -> None:
    parsed = passwd.parse_passwd(
        "root:x:0:0:root:/root:/bin/bash\n"
        "# a comment\n"
        "\n"
        "guest::1001:1001::/home/guest:\n"
        "cr:x:1002:1002::/home/cr:/sbin/nologin\r\n"
    )
    root, guest, cr = parsed.entries
    assert (root.name, root.password, root.uid, root.home, root.shell, root.line) == (
        "root",
        None,
        0,
        "/root",
        "/bin/bash",
        1,
    )
    assert (guest.password, guest.shell, guest.line) == ("empty", "", 4)
    # A carriage return is part of the shell for the system too: this is not nologin.
    assert cr.shell == "/sbin/nologin\r"
    assert parsed.problems == ()


@pytest.mark.parametrize(
    "line",
    [
        "short:x:0:0",
        ":x:0:0::/:/bin/sh",
        "neg:x:-1:0::/:/bin/sh",
        "big:x:4294967296:0::/:/bin/sh",
        "word:x:zero:0::/:/bin/sh",
        "unicode:x:٣:0::/:/bin/sh",
    ],
)
def test_a_line_that_is_no_user_is_a_problem(line: str) -> None:
    parsed = passwd.parse_passwd(f"root:x:0:0::/root:/bin/sh\n{line}\n")
    assert [user.name for user in parsed.entries] == ["root"]
    assert [problem.line for problem in parsed.problems] == [2]


def test_nis_lines_are_no_users() -> None:
    parsed = passwd.parse_passwd("+\n+alice::::::\n-mallory:x:1:1::/:/bin/sh\n+@admins\n")
    assert parsed.entries == ()
    assert parsed.compat == ((1, "+"), (2, "+alice"), (3, "-mallory"), (4, "+@admins"))


def test_shadow_fields_and_holes() -> None:
    parsed = passwd.parse_shadow("a:$6$s$h:19000:1:365:7:45:20000:\nb:*:19000:0:99999:7:::\nc:!:::::::\nd:x:x:::::\n")
    a, b, c = parsed.entries
    assert (a.last_change, a.min_days, a.max_days, a.warn_days, a.inactive_days, a.expires) == (
        19000,
        1,
        365,
        7,
        45,
        20000,
    )
    assert (b.password, b.max_days, b.inactive_days, b.expires) == ("no_login", 99999, None, None)
    assert (c.password, c.last_change, c.max_days) == ("locked", None, None)
    assert parsed.problems[0].line == 4


def test_groups() -> None:
    parsed = passwd.parse_group("wheel:x:10:a,b\nempty:x:11:\nopen::12:\nbad:x:ten:\n")
    assert [(group.name, group.gid, group.members) for group in parsed.entries] == [
        ("wheel", 10, ("a", "b")),
        ("empty", 11, ()),
        ("open", 12, ()),
    ]
    assert parsed.entries[2].password == "empty"
    assert len(parsed.problems) == 1
    shadow = passwd.parse_gshadow("wheel:!::a\nopen:::\n")
    assert [(group.name, group.password, group.members) for group in shadow.entries] == [
        ("wheel", "locked", ("a",)),
        ("open", "empty", ()),
    ]


@pytest.mark.parametrize("parse", [passwd.parse_passwd, passwd.parse_group, passwd.parse_shadow, passwd.parse_gshadow])
def test_binary_input_is_refused(parse: object) -> None:
    assert callable(parse)
    with pytest.raises(ParseError, match="NUL"):
        parse("root:\0:0:0::/root:/bin/sh\n")


@pytest.mark.parametrize(("option", "method"), [("-6", "sha512"), ("-5", "sha256"), ("-1", "md5")])
def test_hashes_of_openssl(option: str, method: str) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: make test installs it")
    made = subprocess.run(["openssl", "passwd", option, "secret"], capture_output=True, check=True, text=True)
    assert passwd.password_state(made.stdout.strip()) == ("set", method)
    assert passwd.password_state("!" + made.stdout.strip()) == ("locked", method)


def test_shadow_made_by_shadow_utils(tmp_path: Path) -> None:
    """useradd, chpasswd and usermod of Debian write the tree; we read it back."""
    import os

    if shutil.which("useradd") is None or shutil.which("usermod") is None:
        pytest.skip("passwd (useradd) is not installed: make test installs it")
    if os.geteuid() != 0:
        pytest.skip("useradd --prefix needs root")
    etc = tmp_path / "etc"
    etc.mkdir()
    (etc / "passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
    (etc / "shadow").write_text("root:*:19000:0:99999:7:::\n")
    (etc / "group").write_text("root:x:0:\n")
    (etc / "gshadow").write_text("root:*::\n")
    (etc / "login.defs").write_text("PASS_MAX_DAYS 365\nPASS_MIN_DAYS 1\nPASS_WARN_AGE 7\n")
    hashed = subprocess.run(["openssl", "passwd", "-6", "x"], capture_output=True, check=True, text=True).stdout.strip()
    prefix = ["--prefix", str(tmp_path)]
    subprocess.run(["useradd", *prefix, "-u", "1500", "-M", "-U", "-p", hashed, "alice"], check=True)
    subprocess.run(["useradd", *prefix, "-u", "1501", "-M", "-U", "bob"], check=True)
    subprocess.run(["usermod", *prefix, "-L", "alice"], check=True)
    users = {user.name: user for user in passwd.parse_passwd((etc / "passwd").read_text()).entries}
    shadow = {user.name: user for user in passwd.parse_shadow((etc / "shadow").read_text()).entries}
    assert users["alice"].password is None and users["alice"].uid == 1500
    assert (shadow["alice"].password, shadow["alice"].hash_method) == ("locked", "sha512")
    assert (shadow["bob"].password, shadow["bob"].hash_method) == ("locked", None)
    assert shadow["root"].password == "no_login"


def test_unknown_text_in_passwd_is_taken_for_a_hash() -> None:
    """Everybody can read it; the usual marks are none."""
    users = passwd.parse_passwd(
        "a:0fcf3792f5fffc4fcd18:1:1::/:/bin/sh\nb:*:2:2::/:/bin/sh\nc:NP:3:3::/:/bin/sh\n"
    ).entries
    assert [user.password for user in users] == ["set", "no_login", "no_login"]


def test_a_shadow_line_may_end_before_the_reserved_field() -> None:
    """Eight fields are read as nine, seven are refused."""
    parsed = passwd.parse_shadow("a:!!:18648:1::::\nb:!!:18648:1:::\n")
    assert [entry.name for entry in parsed.entries] == ["a"]
    assert [problem.message for problem in parsed.problems] == ["7 fields instead of 9"]
