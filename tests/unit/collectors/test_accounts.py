"""The accounts collector: users joined with their passwords' states, duplicates, NIS lines, homes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scanner.model.fact import Json
from tests.support import build, fact_of, facts_of

PASSWD = """root:x:0:0:root:/root:/bin/bash
bin:x:1:1:bin:/bin:/usr/sbin/nologin
alice:x:1000:1000::/home/alice:/bin/bash
bob:x:1001:1001::/home/bob:
toor:x:0:0::/root:/bin/sh
nobody:x:65534:65534::/:/bin/sh
"""
SHADOW = """root:$6$salt$secrethash:19000:0:99999:7:::
bin:*:19000:0:99999:7:::
alice:!$y$j9T$x$secrethash:19000:1:365:7:45:20000:
bob::19000:0:99999:7:::
"""
GROUP = "root:x:0:\nbin:x:1:\nalice:x:1000:\nadmin:x:0:alice\nwheel:x:10:alice,bob\nwheel:x:11:\n"


def tree(root: Path, **more: str) -> Path:
    return build(
        root,
        {
            "/etc/passwd": PASSWD,
            "/etc/shadow": SHADOW,
            "/etc/group": GROUP,
            "/etc/gshadow": "wheel:!::alice\n",
            "/etc/shells": "# shells\n/bin/bash\n/bin/sh\n",
            **{f"/etc/{name.replace('_', '.')}": text for name, text in more.items()},
        },
    )


def by_name(value: Json) -> dict[str, Json]:
    return {record["name"]: record for record in value}


def test_users_with_states_and_flags(tmp_path: Path) -> None:
    fact = fact_of(tree(tmp_path), "accounts.users")
    users = by_name(fact.value)
    assert (users["root"]["password"], users["root"]["hash_method"], users["root"]["line"]) == ("set", "sha512", 1)
    assert (users["alice"]["password"], users["alice"]["hash_method"]) == ("locked", "yescrypt")
    assert (users["alice"]["max_days"], users["alice"]["inactive_days"], users["alice"]["expires"]) == (365, 45, 20000)
    assert users["bob"]["password"] == "empty"
    assert users["bin"]["password"] == "no_login"
    assert users["toor"]["password"] == "missing"
    assert [name for name, user in users.items() if user["system"]] == ["root", "bin", "toor", "nobody"]
    assert [name for name, user in users.items() if user["interactive"]] == ["root", "alice", "bob", "toor"]
    assert (users["bob"]["shell_listed"], users["alice"]["shell_listed"]) == (False, True)
    assert [name for name, user in users.items() if not user["group_exists"]] == ["bob", "nobody"]
    assert "secrethash" not in repr(fact)
    assert fact.complete


def test_a_user_id_limit_of_login_defs_counts(tmp_path: Path) -> None:
    users = by_name(fact_of(tree(tmp_path, login_defs="UID_MIN 1001\n"), "accounts.users").value)
    assert users["alice"]["system"] and not users["bob"]["system"]


def test_no_passwd_is_absent(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, {"/etc/hostname": "x"}), ["accounts.users", "accounts.shadow", "accounts.groups"])
    assert {fact.state for fact in facts.values()} == {"absent"}


def test_a_broken_passwd_line_leaves_a_gap(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/passwd": PASSWD + "evil:x:0\n", "/etc/group": GROUP})
    for name in ("accounts.users", "accounts.duplicates", "accounts.homes"):
        fact = fact_of(root, name)
        assert fact.state == "present"
        assert fact.gaps == ("malformed: /etc/passwd line 7: 3 fields instead of 7",)


def test_binary_passwd_is_an_error(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc/passwd": b"root\0"}), "accounts.users")
    assert fact.state == "error" and fact.reason is not None and fact.reason.startswith("malformed")


def test_an_unreadable_shadow_spoils_only_its_fields(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/passwd": PASSWD, "/etc/group": GROUP, "/etc/shadow": None})
    users = by_name(fact_of(root, "accounts.users").value)
    assert users["alice"]["uid"] == 1000
    assert users["alice"]["password"]["state"] == "error"
    assert fact_of(root, "accounts.shadow").state == "error"


def test_a_broken_shadow_line_is_no_missing_password(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/passwd": PASSWD, "/etc/group": GROUP, "/etc/shadow": "alice:$6$x$y:1:x\n"})
    assert by_name(fact_of(root, "accounts.users").value)["alice"]["password"]["state"] == "error"
    assert not fact_of(root, "accounts.shadow").complete


def test_a_password_in_passwd_itself(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/passwd": "a:$1$x$y:1000:1::/:/bin/sh\nb::1001:1::/:/bin/sh\n"})
    users = by_name(fact_of(root, "accounts.users").value)
    assert (users["a"]["shadowed"], users["a"]["password"], users["a"]["hash_method"]) == (False, "set", "md5")
    assert users["b"]["password"] == "empty"


def test_shadow_entries(tmp_path: Path) -> None:
    table = by_name(fact_of(tree(tmp_path), "accounts.shadow").value)
    assert (table["alice"]["uid"], table["alice"]["system"]) == (1000, False)
    assert table["root"]["system"] is True
    assert fact_of(tree(tmp_path / "b"), "accounts.shadow").evidence[0].sha256 is None


def test_groups(tmp_path: Path) -> None:
    groups = fact_of(tree(tmp_path), "accounts.groups").value
    assert [(group["name"], group["gid"], group["password"]) for group in groups[-2:]] == [
        ("wheel", 10, "locked"),
        ("wheel", 11, "locked"),
    ]
    assert groups[4]["members"] == ["alice", "bob"]


def test_duplicates(tmp_path: Path) -> None:
    value = fact_of(tree(tmp_path), "accounts.duplicates").value
    assert [(one["kind"], one["value"], one["names"], one["line"]) for one in value] == [
        ("gid", "0", ["root", "admin"], 4),
        ("group", "wheel", ["wheel", "wheel"], 6),
        ("uid", "0", ["root", "toor"], 5),
    ]


def test_alternative_files_of_ostree(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/passwd": "root:x:0:0::/root:/bin/sh\n",
            "/usr/lib/passwd": "root:x:0:0::/root:/bin/sh\nchrony:x:990:990::/:/sbin/nologin\n",
            "/etc/group": "root:x:0:\n",
            "/etc/nsswitch.conf": "passwd: files altfiles\n",
        },
    )
    users = fact_of(root, "accounts.users").value
    assert [(user["name"], user["source"]) for user in users] == [
        ("root", "/etc/passwd"),
        ("chrony", "/usr/lib/passwd"),
    ]
    assert fact_of(root, "accounts.duplicates").value == []


def test_nis_lines_and_compat(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/passwd": PASSWD + "+::::::\n", "/etc/group": GROUP})
    assert fact_of(root, "accounts.nis_entries").value == [{"name": "+", "source": "/etc/passwd", "line": 7}]
    assert fact_of(root, "accounts.users").complete
    (root / "etc/nsswitch.conf").write_text("passwd: compat\n")
    assert not fact_of(root, "accounts.users").complete


def test_homes(tmp_path: Path) -> None:
    root = tree(tmp_path)
    build(root, {"/home/alice/.netrc": "machine x", "/home/alice/notes": "", "/root/.bashrc": ""})
    (root / "home/alice/.profile").symlink_to("/nowhere")
    os.chmod(root / "home/alice", 0o755)
    os.chmod(root / "home/alice/.netrc", 0o644)
    homes = {home["user"]: home for home in fact_of(root, "accounts.homes").value}
    assert sorted(homes) == ["alice", "bob", "root", "toor"]
    alice = homes["alice"]
    assert (alice["exists"], alice["mode"], alice["defined"]) == (True, "0755", True)
    assert [(one["name"], one["type"]) for one in alice["dot_files"]] == [(".netrc", "file"), (".profile", "link")]
    assert alice["dot_files"][0]["mode"] == "0644"
    assert alice["owner_matches"] is (os.getuid() == 1000)
    assert (homes["bob"]["exists"], homes["bob"]["mode"], homes["bob"]["dot_files"]) == (False, None, [])


def test_a_home_that_is_a_file_or_relative(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {"/etc/passwd": "a:x:1000:1::/etc/passwd:/bin/sh\nb:x:1001:1::home:/bin/sh\nc:x:1002:1::/:/bin/sh\n"},
    )
    a, b, c = fact_of(root, "accounts.homes").value
    assert (a["exists"], a["type"]) == (False, "file")
    assert (b["exists"], b["defined"]) == (False, False)
    assert (c["exists"], c["defined"]) == (True, False)


@pytest.mark.parametrize("home", ["/", "//", "/tmp", "/var/tmp/", "/tmp/../tmp", "/dev/shm", "tmp", ""])
def test_a_home_that_is_nobodys_own(tmp_path: Path, home: str) -> None:
    """The root and folders that everybody writes to are no home."""
    root = build(tmp_path, {"/etc/passwd": f"eve:x:1001:1001::{home}:/bin/bash\n"})
    assert [one["defined"] for one in fact_of(root, "accounts.homes").value] == [False]
