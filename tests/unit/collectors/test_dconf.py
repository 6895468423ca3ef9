"""dconf: profiles, precedence, locks, and whether databases were compiled; with databases that dconf itself makes."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.fact import Json
from tests.support import Content, build, fact_of

USER = "user-db:user\nsystem-db:local\nsystem-db:distro\n"


def tree(root: Path, files: dict[str, Content], *databases: str) -> Path:
    program = shutil.which("dconf")
    if program is None:
        pytest.skip("dconf is not installed: make test installs it (Debian package dconf-cli)")
    build(root, files)
    for name in databases:
        path = root / f"etc/dconf/db/{name}"
        subprocess.run([program, "compile", str(path), f"{path}.d"], check=True)
    return root


def settings(root: Path) -> dict[tuple[str, str], Json]:
    fact = fact_of(root, "dconf.settings")
    assert fact.state == "present" and fact.complete, fact
    return {(row["profile"], row["path"]): row for row in fact.value}


def test_the_first_database_counts(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/dconf/profile/user": USER,
        "/etc/dconf/db/local.d/00": "[a]\nx=uint32 5\n",
        "/etc/dconf/db/distro.d/00": "[a]\nx=uint32 900\ny='text'\nz=@as []\n",
    }
    found = settings(tree(tmp_path, files, "local", "distro"))
    row = found["user", "/a/x"]
    assert (row["type"], row["value"], row["number"], row["locked"]) == ("u", "5", 5, False)
    assert (row["source"], row["line"]) == ("/etc/dconf/db/local.d/00", 2)
    assert (found["user", "/a/y"]["value"], found["user", "/a/y"]["number"]) == ("text", None)
    assert (found["user", "/a/z"]["type"], found["user", "/a/z"]["value"]) == ("as", "[]")


def test_a_lock_hides_the_databases_before_it(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/dconf/profile/user": USER,
        "/etc/dconf/db/local.d/00": "[a]\nx=uint32 5\n",
        "/etc/dconf/db/local.d/locks/0": "/a/x\n/b/only\n",
        "/etc/dconf/db/distro.d/00": "[a]\nx=uint32 900\n",
        "/etc/dconf/db/distro.d/locks/0": "/a/x\n",
    }
    found = settings(tree(tmp_path, files, "local", "distro"))
    assert (found["user", "/a/x"]["value"], found["user", "/a/x"]["locked"]) == ("900", True)
    assert (found["user", "/b/only"]["type"], found["user", "/b/only"]["locked"]) == (None, True)


def test_keyfiles_that_were_never_compiled_set_nothing(tmp_path: Path) -> None:
    files: dict[str, Content] = {"/etc/dconf/profile/user": USER, "/etc/dconf/db/local.d/00": "[a]\nx=true\n"}
    root = build(tmp_path, files)
    assert settings(root) == {}
    databases = {row["name"]: row for row in fact_of(root, "dconf.databases").value}
    assert (databases["local"]["exists"], databases["local"]["up_to_date"], databases["local"]["differs"]) == (
        False,
        False,
        ["/a/x"],
    )
    assert (databases["distro"]["up_to_date"], databases["distro"]["profiles"]) == (True, ["user"])


def test_databases_tell_whether_they_are_up_to_date(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/dconf/profile/user": USER,
        "/etc/dconf/db/local.d/00": "[a]\nx=true\ny=[('xkb', 'us')]\n",
        "/etc/dconf/db/local.d/10": "[a]\nx=false\n",
        "/etc/dconf/db/local.d/.hidden": "[a]\nh=false\n",
        "/etc/dconf/db/local.d/locks/0": "/a/x\n",
    }
    root = tree(tmp_path, files, "local")
    assert [row["up_to_date"] for row in fact_of(root, "dconf.databases").value] == [True, True]
    for path, text, differs in (
        ("10", "[a]\nx=true\n", ["/a/x"]),
        ("10", "[a]\nx=uint32 0\n", ["/a/x"]),
        ("10", "[a]\nx=false\nn=1\n", ["/a/n"]),
        ("locks/0", "/a/y\n", ["/a/x", "/a/y"]),
    ):
        place = root / f"etc/dconf/db/local.d/{path}"
        kept = place.read_text()
        place.write_text(text)
        row = fact_of(root, "dconf.databases").value[1]
        assert (row["up_to_date"], row["differs"]) == (False, differs)
        place.write_text(kept)


def test_a_profile_of_etc_hides_the_vendor_one(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/dconf/profile/gdm": "system-db:distro\n",
        "/usr/share/dconf/profile/gdm": "user-db:user\nsystem-db:other\n",
        "/etc/dconf/db/distro.d/00": "[a]\nx=true\n",
    }
    found = settings(tree(tmp_path, files, "distro"))
    # Without a database of the user's own nothing can be changed.
    assert found["gdm", "/a/x"]["locked"] is True


def test_what_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/etc/dconf/profile/user": USER,
        "/etc/dconf/db/local": b"nothing",
        "/etc/dconf/db/distro.d/00": "garbage\n",
    }
    build(tmp_path, files)
    assert fact_of(tmp_path, "dconf.settings").gaps
    fact = fact_of(tmp_path, "dconf.databases")
    assert len(fact.gaps) == 2 and all("up_to_date" not in row for row in fact.value)


def test_a_bad_profile_is_a_gap(tmp_path: Path) -> None:
    build(tmp_path, {"/etc/dconf/profile/user": "local\n"})
    assert fact_of(tmp_path, "dconf.settings").gaps


def test_absent(tmp_path: Path) -> None:
    build(tmp_path, {"/etc": None})
    assert fact_of(tmp_path, "dconf.settings").state == "absent"
    assert fact_of(tmp_path, "dconf.databases").state == "absent"


def test_gdm(tmp_path: Path) -> None:
    text = (
        "[daemon]\n# AutomaticLoginEnable=true\nAutomaticLoginEnable=true\nAutomaticLoginEnable = false\n[security]\n"
    )
    build(tmp_path / "a", {"/etc/gdm/custom.conf": text})
    assert fact_of(tmp_path / "a", "gdm.settings").value == [
        {
            "section": "daemon",
            "key": "AutomaticLoginEnable",
            "value": "false",
            "source": "/etc/gdm/custom.conf",
            "line": 4,
        }
    ]
    build(tmp_path / "b", {"/etc/gdm/custom.conf": "[daemon]\nno pair\n"})
    assert fact_of(tmp_path / "b", "gdm.settings").state == "error"
    build(tmp_path / "c", {"/usr/sbin/gdm": "x"})
    assert fact_of(tmp_path / "c", "gdm.settings").value == []
    build(tmp_path / "d", {"/etc": None})
    assert fact_of(tmp_path / "d", "gdm.settings").state == "absent"
