"""Login policy: last and first wins, drop-ins, defaults, numbers, banners."""

from __future__ import annotations

from pathlib import Path

from scanner.model.fact import Json
from tests.support import build, fact_of


def by_key(value: Json) -> dict[str, Json]:
    return {record["key"]: record for record in value}


def test_login_defs(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/login.defs": "PASS_MAX_DAYS 99999\nPASS_MAX_DAYS 365\nUMASK 027\nX 5 # no\n"})
    table = by_key(fact_of(root, "login.defs").value)
    assert (table["PASS_MAX_DAYS"]["number"], table["PASS_MAX_DAYS"]["line"]) == (365, 2)
    assert (table["UMASK"]["permits"], table["UMASK"]["default"]) == ("0750", False)
    assert (table["PASS_MIN_DAYS"]["number"], table["PASS_MIN_DAYS"]["default"]) == (-1, True)
    assert table["X"]["number"] is None
    assert (table["ENCRYPT_METHOD"]["value"], table["ENCRYPT_METHOD"]["source"]) == (None, None)


def test_a_decimal_mask_means_something_else(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/login.defs": "UMASK 77\n"})
    assert by_key(fact_of(root, "login.defs").value)["UMASK"]["permits"] == "0762"


def test_missing_and_malformed(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/default/useradd": b"\0", "/etc/security/faillock.conf": b"\0"})
    assert fact_of(root, "login.defs").state == "absent"
    assert fact_of(root, "useradd.defaults").state == "error"
    assert not fact_of(root, "faillock.settings").complete
    assert fact_of(root, "pwhistory.settings").state == "absent"
    assert fact_of(root, "login.shells").state == "absent"
    assert fact_of(root, "banner.file:/etc/issue").state == "absent"


def test_useradd(tmp_path: Path) -> None:
    table = by_key(fact_of(build(tmp_path, {"/etc/default/useradd": "INACTIVE=35\n"}), "useradd.defaults").value)
    assert (table["INACTIVE"]["number"], table["HOME"]["value"]) == (35, "/home")
    table = by_key(fact_of(build(tmp_path / "b", {"/etc/x": ""}), "useradd.defaults").value)
    assert (table["INACTIVE"]["number"], table["INACTIVE"]["default"]) == (-1, True)


def test_the_main_pwquality_file_wins_over_its_folder(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/security/pwquality.conf": "MinLen = 8\n",
            "/etc/security/pwquality.conf.d/10.conf": "minlen = 20\nminclass = 3\n",
            "/etc/security/pwquality.conf.d/20.conf": "minclass = 4\nenforce_for_root = 0\n",
            "/etc/security/pwquality.conf.d/30.txt": "minclass = 1\n",
        },
    )
    table = by_key(fact_of(root, "pwquality.settings").value)
    assert (table["minlen"]["number"], table["minlen"]["source"]) == (8, "/etc/security/pwquality.conf")
    assert table["minclass"]["number"] == 4
    # A flag is set by its name; the value after it says nothing.
    assert table["enforce_for_root"]["value"] == "0"


def test_a_bad_line_ends_the_reading_of_pwquality(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {"/etc/security/pwquality.conf": "minlen = 14\n", "/etc/security/pwquality.conf.d/1.conf": "minclass = many\n"},
    )
    fact = fact_of(root, "pwquality.settings")
    assert "minlen" not in by_key(fact.value)
    assert not fact.complete


def test_first_or_last_line(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/security/faillock.conf": "deny = 3\ndeny = 9\n",
            "/etc/security/pwhistory.conf": "remember=24\nremember=1\n",
        },
    )
    assert by_key(fact_of(root, "faillock.settings").value)["deny"]["number"] == 9
    assert by_key(fact_of(root, "pwhistory.settings").value)["remember"]["number"] == 24


def test_shells_and_limits(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/shells": "# /bin/no\n/bin/sh\n\n/usr/sbin/nologin\n",
            "/etc/security/limits.conf": "* hard core 0\n# * hard maxlogins 1\n* - maxlogins 5\n",
            "/etc/security/limits.d/10.conf": "* hard maxlogins 10 # ten\n@x soft core unlimited\nbroken line\n",
        },
    )
    assert [one["path"] for one in fact_of(root, "login.shells").value] == ["/bin/sh", "/usr/sbin/nologin"]
    limits = fact_of(root, "login.limits").value
    assert [(one["domain"], one["kind"], one["item"], one["number"], one["holds"]) for one in limits] == [
        ("*", "hard", "core", 0, ["hard"]),
        ("*", "-", "maxlogins", 5, ["soft"]),
        ("*", "hard", "maxlogins", 10, ["hard"]),
        ("@x", "soft", "core", None, ["soft"]),
    ]


def test_securetty(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/etc/x": ""}), "login.securetty").state == "absent"
    root = build(tmp_path / "b", {"/etc/securetty": "# console\nttyS0\n\n"})
    assert [one["terminal"] for one in fact_of(root, "login.securetty").value] == ["ttyS0"]
    root = build(tmp_path / "c", {"/etc/securetty": ""})
    assert fact_of(root, "login.securetty").value == []


def test_a_banner_and_its_folder(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/issue": "Authorized use only\n",
            "/etc/issue.d/10.issue": "Kernel \\r\n",
            "/etc/issue.d/x.txt": "\\v",
            "/etc/motd": " \n",
        },
    )
    issue = fact_of(root, "banner.file:/etc/issue").value
    assert issue["escapes"] == ["r"]
    assert issue["sources"] == ["/etc/issue", "/etc/issue.d/10.issue"]
    assert fact_of(root, "banner.file:/etc/motd").value["blank"] is True
