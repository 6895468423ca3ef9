"""PAM: expanded stacks, what services make sure of, effective settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model.fact import Json
from tests.support import build, fact_of, facts_of

EL10 = """auth        required                                     pam_env.so
auth        required                                     pam_faildelay.so delay=2000000
auth        required                                     pam_faillock.so preauth silent
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        [default=1 ignore=ignore success=ok]         pam_localuser.so
auth        sufficient                                   pam_unix.so
auth        [default=1 ignore=ignore success=ok]         pam_usertype.so isregular
auth        sufficient                                   pam_sss.so forward_pass
auth        required                                     pam_faillock.so authfail
auth        required                                     pam_deny.so
account     required                                     pam_faillock.so
account     required                                     pam_unix.so
password    requisite                                    pam_pwquality.so local_users_only
password    [default=1 ignore=ignore success=ok]         pam_localuser.so
password    requisite                                    pam_pwhistory.so use_authtok
password    sufficient                                   pam_unix.so yescrypt shadow use_authtok
password    [success=1 default=ignore]                   pam_localuser.so
password    sufficient                                   pam_sss.so use_authtok
password    required                                     pam_deny.so
session     required                                     pam_unix.so
"""
DEBIAN_AUTH = """auth required pam_faillock.so preauth
auth [success=1 default=ignore] pam_unix.so nullok
auth [default=die] pam_faillock.so authfail
auth sufficient pam_faillock.so authsucc
auth requisite pam_deny.so
"""


def service(root: Path, name: str) -> Json:
    return next(one for one in fact_of(root, "pam.services").value if one["service"] == name)


def test_the_stack_of_el10(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/pam.d/system-auth": EL10, "/etc/pam.d/sshd": "auth substack system-auth\n"})
    found = service(root, "system-auth")
    assert [key for key, value in found.items() if value is True] == [
        "auth_unix",
        "account_unix",
        "password_unix",
        "session_unix",
        "faillock_preauth",
        "faillock_authfail",
        "faillock_account",
        "pwquality",
        "pwhistory",
    ]
    assert found["broken"] is False
    assert service(root, "sshd")["faillock_preauth"] is True


def test_the_stack_of_debian(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/pam.d/common-auth": DEBIAN_AUTH, "/etc/pam.d/login": "@include common-auth\n"})
    found = service(root, "login")
    assert (found["faillock_preauth"], found["faillock_authfail"], found["pwquality"]) == (True, True, False)


@pytest.mark.parametrize(
    ("old", "new", "flag"),
    [
        ("required                                     pam_faillock.so preauth", "optional pam_faillock.so preauth", "faillock_preauth"),
        ("pam_faillock.so preauth silent\n", "pam_faillock.so silent\n", "faillock_preauth"),
        ("auth        required                                     pam_env.so\n", "auth [success=2 default=ignore] pam_env.so\n", "faillock_preauth"),
        ("pam_faillock.so authfail", "pam_faillock.so", "faillock_authfail"),
        ("auth        sufficient                                   pam_unix.so", "auth requisite pam_unix.so", "faillock_authfail"),
        ("account     required                                     pam_faillock.so\n", "", "faillock_account"),
        ("requisite                                    pam_pwquality.so", "optional pam_pwquality.so", "pwquality"),
        ("password    requisite                                    pam_pwhistory.so use_authtok\n", "", "pwhistory"),
        ("pam_faillock.so preauth", "/tmp/pam_faillock.so preauth", "faillock_preauth"),
    ],
)  # fmt: skip
def test_one_change_takes_one_assurance_away(tmp_path: Path, old: str, new: str, flag: str) -> None:
    assert old in EL10
    root = build(tmp_path, {"/etc/pam.d/system-auth": EL10.replace(old, new)})
    assert service(root, "system-auth")[flag] is False


def test_expansion_in_order(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/pam.d/a": "auth required pam_1.so\nauth include b\nauth substack c\nauth required pam_4.so\naccount include b\n",
            "/etc/pam.d/b": "auth required pam_2.so\naccount required pam_x.so\n",
            "/usr/lib/pam.d/c": "-auth sufficient pam_3.so debug\n",
            "/usr/lib/pam.d/b": "auth required pam_hidden.so\n",
        },
    )
    rows = [one for one in fact_of(root, "pam.stacks").value if one["service"] == "a"]
    assert [(one["type"], one["order"], one["kind"], one["module"], one["level"], one["source"]) for one in rows] == [
        ("auth", 1, "module", "pam_1", 0, "/etc/pam.d/a"),
        ("auth", 2, "module", "pam_2", 0, "/etc/pam.d/b"),
        ("auth", 3, "substack", "c", 0, "/etc/pam.d/a"),
        ("auth", 4, "module", "pam_3", 1, "/usr/lib/pam.d/c"),
        ("auth", 5, "module", "pam_4", 0, "/etc/pam.d/a"),
        ("account", 1, "module", "pam_x", 0, "/etc/pam.d/b"),
    ]
    assert rows[3]["optional_module"] is True and rows[3]["arguments"] == ["debug"]


def test_loops_missing_includes_and_refused_lines_are_broken(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/pam.d/loop": "auth include loop\n",
            "/etc/pam.d/gone": "auth include nowhere\nauth required pam_unix.so\n",
            "/etc/pam.d/odd": "auth whatever pam_unix.so\n",
        },
    )
    assert all(service(root, name)["broken"] for name in ("loop", "gone", "odd"))


def test_includes_that_multiply_stay_within_the_budget(tmp_path: Path) -> None:
    files = {f"/etc/pam.d/s{n}": f"auth include s{n + 1}\nauth include s{n + 1}\n" for n in range(30)}
    fact = fact_of(build(tmp_path, {**files, "/etc/pam.d/s30": "auth required pam_unix.so\n"}), "pam.stacks")
    assert not fact.complete
    assert len(fact.value) < 60_000


def test_no_pam_and_unreadable_pam(tmp_path: Path) -> None:
    names = ["pam.stacks", "pam.services", "pam.unix", "faillock.effective"]
    facts = facts_of(build(tmp_path, {"/etc/hostname": "x"}), names)
    assert {fact.state for fact in facts.values()} == {"absent"}
    facts = facts_of(build(tmp_path / "b", {"/etc/pam.d/su": b"\0", "/etc/pam.d/login": None}), names)
    assert all(not fact.complete for fact in facts.values())


def test_unix_options(tmp_path: Path) -> None:
    text = "password requisite pam_pwquality.so\npassword sufficient pam_unix.so sha512 rounds=100000 nullok use_authtok remember=5\n"
    row = fact_of(build(tmp_path, {"/etc/pam.d/system-auth": text}), "pam.unix").value[0]
    assert (row["hashes"], row["hash"], row["rounds"], row["remember"]) == (["sha512"], "sha512", 100000, 5)
    assert (row["nullok"], row["use_authtok"], row["first"]) == (True, True, False)


def effective(root: Path, name: str, key: str) -> list[Json]:
    return [one for one in fact_of(root, f"{name}.effective").value if one["key"] == key]


def test_arguments_win_over_files_over_defaults(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/pam.d/a": "password requisite pam_pwquality.so minlen=6 retry=3\n",
            "/etc/pam.d/b": "password requisite pam_pwquality.so\n",
            "/etc/security/pwquality.conf": "minlen = 14\n",
        },
    )
    assert [(one["service"], one["number"], one["origin"]) for one in effective(root, "pwquality", "minlen")] == [
        ("a", 6, "argument"),
        ("b", 14, "file"),
    ]
    assert [(one["number"], one["origin"]) for one in effective(root, "pwquality", "minclass")] == [(0, "default")] * 2
    assert [one["is_set"] for one in effective(root, "pwquality", "enforce_for_root")] == [False, False]


def test_places_and_contradictions(tmp_path: Path) -> None:
    """The main file of pwquality is read last, and the PAM line after it; the same again contradicts nothing."""
    root = build(
        tmp_path,
        {
            "/etc/pam.d/a": "password required pam_pwquality.so minlen=12\n",
            "/etc/security/pwquality.conf": "minlen = 12\nenforce_for_root\n",
            "/etc/security/pwquality.conf.d/1.conf": "minlen = 8\nminlen = 9\nenforce_for_root = no\n",
        },
    )
    found = {one["key"]: (one["places"], one["contradictions"]) for one in fact_of(root, "pwquality.effective").value}
    assert (found["minlen"], found["enforce_for_root"], found["minclass"]) == ((3, 2), (2, 0), (0, 0))


def test_faillock_times(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/pam.d/a": "auth required pam_faillock.so preauth deny=4\nauth required pam_faillock.so authfail\n",
            "/etc/security/faillock.conf": "unlock_time = never\neven_deny_root\ndeny = x\n",
        },
    )
    assert [(one["mode"], one["number"]) for one in effective(root, "faillock", "deny")] == [
        ("preauth", 4),
        ("authfail", None),
    ]
    assert [one["number"] for one in effective(root, "faillock", "unlock_time")] == [0, 0]
    # Without a time of its own, root is locked as long as everyone.
    assert [one["number"] for one in effective(root, "faillock", "root_unlock_time")] == [0, 0]
    assert all(one["is_set"] for one in effective(root, "faillock", "even_deny_root"))


def test_another_file_named_on_the_line(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {"/etc/pam.d/a": "auth required pam_faillock.so preauth conf=/etc/fl\n", "/etc/fl": "deny = 2\n"},
    )
    assert effective(root, "faillock", "deny")[0]["number"] == 2
    (root / "etc/fl").unlink()
    assert not fact_of(root, "faillock.effective").complete


def test_a_lock_whose_refusal_is_ignored_has_no_settings_in_force(tmp_path: Path) -> None:
    """`sufficient` lets a locked account go on to the password."""
    text = "auth sufficient pam_faillock.so preauth deny=3\nauth [default=die] pam_faillock.so authfail deny=3\n"
    found = effective(build(tmp_path, {"/etc/pam.d/a": text}), "faillock", "deny")
    assert [one["mode"] for one in found] == ["authfail"]


def test_wheel_may_be_asked_after_the_password(tmp_path: Path) -> None:
    """As su has it when the line stands last: the password is asked in a substack, the group afterwards."""
    files = {
        "/etc/pam.d/su": "auth sufficient pam_rootok.so\nauth substack all\nauth required pam_wheel.so use_uid\n",
        "/etc/pam.d/all": "auth sufficient pam_unix.so\nauth required pam_deny.so\n",
    }
    assert service(build(tmp_path, files), "su")["wheel"] is True
    build(tmp_path, {"/etc/pam.d/all": "auth required pam_deny.so\n"})
    assert service(tmp_path, "su")["wheel"] is False
