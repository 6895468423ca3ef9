"""sudoers: the grammar by cases, and against cvtsudoers and visudo."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import sudoers
from scanner.parsers.sudoers import Alias, Default, Include, Rule


def statements(text: str) -> list[sudoers.Statement]:
    found, problems = sudoers.parse(text)
    assert problems == []
    return found


def rules(text: str) -> list[Rule]:
    return [item for item in statements(text) if isinstance(item, Rule)]


def test_defaults_and_their_scopes() -> None:
    found = statements(
        "Defaults !visiblepw\n"
        'Defaults  use_pty, env_keep += "LS_COLORS A", timestamp_timeout=-1\n'
        "Defaults:alice !authenticate\n"
        "Defaults!/usr/bin/su !requiretty\n"
        "Defaults>root,oper !set_logname\n"
        "Defaults@web lecture = always\n"
        "Defaults secure_path = /sbin:/bin\n"
        "Defaults !!use_pty\n"
    )
    assert [
        (one.scope, one.members, one.name, one.enabled, one.operator, one.value)
        for one in found
        if isinstance(one, Default)
    ] == [
        ("global", (), "visiblepw", False, "", None),
        ("global", (), "use_pty", True, "", None),
        ("global", (), "env_keep", True, "+=", "LS_COLORS A"),
        ("global", (), "timestamp_timeout", True, "=", "-1"),
        ("user", ("alice",), "authenticate", False, "", None),
        ("command", ("/usr/bin/su",), "requiretty", False, "", None),
        ("runas", ("root", "oper"), "set_logname", False, "", None),
        ("host", ("web",), "lecture", True, "=", "always"),
        ("global", (), "secure_path", True, "=", "/sbin:/bin"),
        ("global", (), "use_pty", True, "", None),
    ]


def test_tags_are_handed_on_until_they_change() -> None:
    found = rules("bob ALL = (root) NOPASSWD: NOEXEC: /bin/a, /bin/b, PASSWD: /bin/c : web = /bin/d\n")
    assert [(one.command, one.tags, one.runas_users, one.hosts) for one in found] == [
        ("/bin/a", ("NOEXEC", "NOPASSWD"), ("root",), ("ALL",)),
        ("/bin/b", ("NOEXEC", "NOPASSWD"), ("root",), ("ALL",)),
        ("/bin/c", ("NOEXEC", "PASSWD"), ("root",), ("ALL",)),
        ("/bin/d", (), None, ("web",)),
    ]


def test_a_tag_may_stand_apart_from_its_colon() -> None:
    assert rules("dave ALL = NOPASSWD : ALL\n")[0].tags == ("NOPASSWD",)
    assert rules("dave ALL=NOPASSWD:ALL\n")[0].tags == ("NOPASSWD",)


def test_run_as_and_options() -> None:
    found = rules(
        "%wheel ALL=(ALL:ALL) TYPE=sysadm_t ROLE=sysadm_r ALL\na ALL=(:adm) ALL\nb ALL=() ALL\nc ALL=(x : y) !/bin/sh\n"
    )
    assert found[0].options == (("ROLE", "sysadm_r"), ("TYPE", "sysadm_t"))
    assert [(one.runas_users, one.runas_groups, one.command) for one in found] == [
        (("ALL",), ("ALL",), "ALL"),
        ((), ("adm",), "ALL"),
        ((), (), "ALL"),
        (("x",), ("y",), "!/bin/sh"),
    ]


def test_joined_lines_comments_and_quotes() -> None:
    found = statements(
        "# bob ALL=(ALL) NOPASSWD: ALL\n"
        "# a comment does not go on \\\n"
        "alice ALL = \\\n"
        "   NOPASSWD: /bin/ls # but not this\n"
        '"some user" ALL = ALL\n'
        "#1000 ALL = ALL\n"
        "x ALL = /bin/echo a\\, b\\: \\#c\r\n"
    )
    assert [(one.users, one.command, one.line) for one in found if isinstance(one, Rule)] == [
        (("alice",), "/bin/ls", 3),
        (("some user",), "ALL", 5),
        (("#1000",), "ALL", 6),
        (("x",), "/bin/echo a, b: #c", 7),
    ]


def test_aliases() -> None:
    found = statements(
        "User_Alias ADM = bob, %wheel, !carol : OPS = dave\nCmnd_Alias X = /bin/ls -l, !/bin/sh\nCmd_Alias Y = ALL\n"
    )
    assert [(one.kind, one.name, one.members) for one in found if isinstance(one, Alias)] == [
        ("user", "ADM", ("bob", "%wheel", "!carol")),
        ("user", "OPS", ("dave",)),
        ("command", "X", ("/bin/ls -l", "!/bin/sh")),
        ("command", "Y", ("ALL",)),
    ]


def test_includes() -> None:
    found = statements(
        '#include /etc/a\n@include "/etc/b c"\n#includedir /etc/sudoers.d\n@include /etc/b\\ d\n#included by hand\n'
    )
    assert [(one.path, one.folder) for one in found if isinstance(one, Include)] == [
        ("/etc/a", False),
        ("/etc/b c", False),
        ("/etc/sudoers.d", True),
        ("/etc/b d", False),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "bob",
        "bob ALL",
        "bob ALL = ",
        "bob ALL = (root ALL",
        "bob ALL = ALL,",
        "Defaults",
        "Defaults x,",
        "Defaults x=a b",
        'Defaults x="a',
        "User_Alias lower = bob",
        "User_Alias ALL = bob",
        "@include",
    ],
)
def test_what_sudo_refuses(line: str, tmp_path: Path) -> None:
    found, problems = sudoers.parse(f"root ALL=(ALL) ALL\n{line}\n")
    assert len(found) == 1
    assert [problem.line for problem in problems] == [2]


def test_limits() -> None:
    with pytest.raises(ParseError):
        sudoers.parse("root ALL=ALL\0")
    with pytest.raises(ParseError, match="more than"):
        sudoers.parse("Defaults " + ",".join(["a"] * 50_001))


ORACLE = """
Defaults use_pty
Defaults timestamp_timeout = 5
Defaults:alice !authenticate
# not this one \\
root ALL=(ALL:ALL) ALL
User_Alias ADM = bob, %wheel
Cmnd_Alias SHELLS = /bin/sh, /bin/bash
ADM ALL = (root) NOPASSWD: /bin/ls, /bin/cat /etc/a\\,b, PASSWD: /bin/id : web = NOEXEC: SHELLS
"some user" ALL = (:adm) SETENV: ALL
#1000 ALL = NOPASSWD : \\
    /bin/true
dave ALL = (ALL) !/bin/su, NOPASSWD:LOG_INPUT: ALL
"""


def test_against_cvtsudoers(tmp_path: Path) -> None:
    """sudo's own reader must see the same users, hosts, commands and NOPASSWD tags."""
    if shutil.which("cvtsudoers") is None:
        pytest.skip("sudo (cvtsudoers) is not installed: make test installs it")
    path = tmp_path / "sudoers"
    path.write_text(ORACLE)
    made = subprocess.run(["cvtsudoers", "-f", "json", str(path)], capture_output=True, check=True, text=True)
    theirs = []
    for spec in json.loads(made.stdout)["User_Specs"]:
        users = tuple(str(next(iter(user.values()))) for user in spec["User_List"])
        for part in spec["Cmnd_Specs"]:
            options = [option for option in part.get("Options", []) if "authenticate" in option]
            nopasswd = any(option["authenticate"] is False for option in options)
            for command in part["Commands"]:
                name = command.get("command", command.get("cmndalias"))
                theirs.append((users, ("!" if command.get("negated") else "") + str(name), nopasswd))
    ours = [
        (
            tuple(user.removeprefix("%").removeprefix("#") for user in one.users),
            one.command,
            "NOPASSWD" in one.tags,
        )
        for one in rules(ORACLE)
    ]
    assert sorted(ours) == sorted((users, name, flag) for users, name, flag in theirs)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        (ORACLE, True),
        ("root ALL=(ALL) ALL\n", True),
        ("root ALL=(ALL ALL\n", False),
        ("root ALL\n", False),
        ("Defaults x=\n", False),
        ("User_Alias lower = bob\n", False),
        ("bob ALL = NOPASSWD ALL\n", True),
        ('Defaults badpass_message="a # b"\n', True),
        ("Defaults !authenticate,\n", False),
    ],
)
def test_against_visudo(tmp_path: Path, text: str, good: bool) -> None:
    """What visudo refuses, we refuse; the reverse need not hold, a refused line only costs us a verdict."""
    if shutil.which("visudo") is None:
        pytest.skip("sudo (visudo) is not installed: make test installs it")
    path = tmp_path / "sudoers"
    path.write_text(text)
    path.chmod(0o440)
    accepted = subprocess.run(["visudo", "-cf", str(path)], capture_output=True, check=False).returncode == 0
    problems = sudoers.parse(text)[1]
    if not accepted:
        assert problems != []
    if good and accepted:
        assert problems == []
