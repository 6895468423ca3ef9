"""Lines of PAM service files: words, brackets, joined lines, comments, and what libpam refuses."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import pam


def test_a_service_file() -> None:
    lines, problems = pam.parse(
        "#%PAM-1.0\n"
        "auth required pam_env.so\n"
        "-auth  Sufficient  /usr/lib64/security/pam_sss.so  forward_pass # why\n"
        "auth [success=1 default=ignore] pam_unix.so nullok \\\n"
        "   try_first_pass\n"
        "account include system-auth\n"
        "session substack password-auth\n"
        "@include common-session\n"
        "password requisite pam_x.so [a b\\]c] d\n"
    )
    assert problems == []
    assert [(line.kind, line.type, line.module, line.arguments, line.line) for line in lines] == [
        ("module", "auth", "pam_env", (), 2),
        ("module", "auth", "pam_sss", ("forward_pass",), 3),
        ("module", "auth", "pam_unix", ("nullok", "try_first_pass"), 4),
        ("include", "account", "system-auth", (), 6),
        ("substack", "session", "password-auth", (), 7),
        ("at_include", "", "common-session", (), 8),
        ("module", "password", "pam_x", ("a b]c", "d"), 9),
    ]
    assert [line.optional_module for line in lines[:3]] == [False, True, False]
    assert [line.control for line in lines[:3]] == ["required", "sufficient", "[default=ignore success=1]"]


def test_a_module_from_elsewhere_keeps_its_path() -> None:
    lines, _ = pam.parse("auth required /tmp/pam_unix.so\nauth required /lib/x86_64-linux-gnu/security/pam_unix.so\n")
    assert [line.module for line in lines] == ["/tmp/pam_unix.so", "pam_unix"]


def test_brackets_that_mean_a_word() -> None:
    control, actions = pam.control_of("[success=ok new_authtok_reqd=ok ignore=ignore default=bad]")
    assert control == "required"
    assert actions["success"] == "ok"
    assert pam.control_of("[ success = 2  default=ignore ]")[1] == {"success": "2", "default": "ignore"}


def test_an_unnamed_value_is_a_failure() -> None:
    assert pam.control_of("[success=ok]")[1] == {"success": "ok", "default": "bad"}
    assert pam.control_of("[default=ignore default=bad]")[1] == {"default": "ignore"}


@pytest.mark.parametrize(
    "line",
    [
        "auth",
        "auth required",
        "login required pam_unix.so",
        "auth maybe pam_unix.so",
        "auth [success] pam_unix.so",
        "auth [success=never] pam_unix.so",
        "auth [success=0] pam_unix.so",
        "auth [success=1 pam_unix.so",
        "@include",
    ],
)
def test_what_libpam_refuses(line: str) -> None:
    lines, problems = pam.parse(f"auth required pam_env.so\n{line}\n")
    assert len(lines) == 1
    assert [problem.line for problem in problems] == [2]


def test_comments_and_continuations() -> None:
    lines, problems = pam.parse("# auth required pam_a.so \\\nauth required pam_b.so\nauth required pam_c.so # \\\n")
    assert [line.module for line in lines] == ["pam_b", "pam_c"]
    assert problems == []


def test_a_carriage_return_spoils_the_module() -> None:
    lines, _ = pam.parse("auth required pam_unix.so\r\n")
    assert lines[0].module == "pam_unix.so\r"


def test_limits() -> None:
    with pytest.raises(ParseError):
        pam.parse("auth required pam_a.so\0")
    with pytest.raises(ParseError, match="more than"):
        pam.parse("auth required pam_a.so\n" * 20_001)
