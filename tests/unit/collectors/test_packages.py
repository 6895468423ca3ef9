"""Package tables of every manager, and above all the cases in which a table must not be believed."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest

from scanner.model.fact import Fact
from tests.rpm_support import bdb, header, ndb, package, query, real_rpmdb
from tests.support import Content, build, fact_of, facts_of

BASH = package(
    "bash", "5.2", "6.el10", epoch=1, vendor="AlmaLinux", arch="x86_64", source_rpm="bash-5.2-6.el10.src.rpm"
)
KEY = header({1000: "gpg-pubkey", 1001: "c2a1e572", 1002: "668fe8ef", 1004: "gpg(AlmaLinux)", 266: ["AA"]})
STANZA = "Package: {name}\nStatus: install ok {state}\nArchitecture: amd64\nMaintainer: M\nVersion: 2:1.0-3\n\n"
NAMES = ["packages.installed", "packages.databases", "packages.rpm_keys"]


def all_facts(root: Path) -> tuple[Fact, Fact, Fact]:
    found = facts_of(root, NAMES)
    return found[NAMES[0]], found[NAMES[1]], found[NAMES[2]]


def names(fact: Fact) -> list[str]:
    assert fact.state == "present", fact.reason
    return [record["name"] for record in fact.value]


def test_rpm_record_and_keys(tmp_path: Path) -> None:
    root = build(tmp_path, {"/usr/lib/sysimage/rpm/Packages.db": ndb([KEY, BASH])})
    installed, databases, keys = all_facts(root)
    path = "/usr/lib/sysimage/rpm/Packages.db"
    assert installed.value == [
        {
            "name": "bash",
            "epoch": 1,
            "version": "5.2",
            "release": "6.el10",
            "evr": "1:5.2-6.el10",
            "arch": "x86_64",
            "manager": "rpm",
            "vendor": "AlmaLinux",
            "origin": "bash",
            "signed_by": None,
            "state": "installed",
            "source": path,
            "line": None,
        }
    ]
    assert databases.value == [{"manager": "rpm", "path": path, "source": path, "format": "ndb", "count": 1}]
    assert keys.value == [
        {"key_id": "c2a1e572", "created": "668fe8ef", "owner": "AlmaLinux", "fingerprint": None, "source": path}
    ]
    assert installed.complete
    assert [item.source for item in installed.evidence] == [path]


def test_database_made_by_rpm_with_a_trusted_key(tmp_path: Path) -> None:
    base = real_rpmdb(tmp_path / "made", [("alpha", "1", "1", "", 3), ("beta", "2", "1", "Epoch: 4", 0)])
    if shutil.which("gpg") is None:
        pytest.skip("gpg is not installed: make test installs it (Debian package gpg)")
    home = tmp_path / "h"
    home.mkdir(mode=0o700)
    environment = {**os.environ, "GNUPGHOME": str(home)}
    gpg = ["gpg", "--batch", "--quiet", "--passphrase", "", "--pinentry-mode", "loopback"]
    subprocess.run(
        [*gpg, "--quick-gen-key", "T <t@example.org>", "rsa2048", "sign", "never"], env=environment, check=True
    )
    subprocess.run([*gpg, "--armor", "--output", str(tmp_path / "key"), "--export"], env=environment, check=True)
    listed = subprocess.run([*gpg, "--with-colons", "-k"], env=environment, capture_output=True, text=True, check=True)
    fingerprint = next(line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("fpr"))
    subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
    subprocess.run(["rpm", "--dbpath", str(base), "--import", str(tmp_path / "key")], check=True)
    root = tmp_path / "root"
    shutil.copytree(base, root / "var/lib/rpm")
    installed, databases, keys = all_facts(root)
    assert [f"{item['name']} {item['evr']}" for item in installed.value] == ["alpha 1-1", "beta 4:2-1"]
    assert databases.value[0]["count"] == 2
    assert keys.value[0]["fingerprint"] == fingerprint.lower()
    assert keys.value[0]["owner"] == "T <t@example.org>"
    assert f"{keys.value[0]['key_id']}-{keys.value[0]['created']}" in query(base, "%{VERSION}-%{RELEASE}")


def test_berkeley_db(tmp_path: Path) -> None:
    root = build(tmp_path / "r", {"/var/lib/rpm/Packages": bdb(tmp_path, [BASH])})
    installed, databases, _ = all_facts(root)
    assert names(installed) == ["bash"]
    assert databases.value[0]["format"] == "bdb"


def test_links_between_the_three_places_are_one_database(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/usr/share/rpm/Packages.db": ndb([BASH]),
            "/usr/lib/sysimage/rpm": ("link", "../../share/rpm"),
            "/var/lib/rpm": ("link", "../../usr/lib/sysimage/rpm"),
        },
    )
    installed, databases, _ = all_facts(root)
    assert names(installed) == ["bash"]
    assert [item["path"] for item in databases.value] == ["/usr/share/rpm/Packages.db"]


def sqlite_with_log(folder: Path) -> dict[str, Content]:
    path = folder / "rpmdb.sqlite"
    base = sqlite3.connect(path)
    base.execute("CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
    base.execute("INSERT INTO Packages(blob) VALUES (?)", (BASH,))
    base.commit()
    base.execute("PRAGMA journal_mode = WAL")
    base.execute("INSERT INTO Packages(blob) VALUES (?)", (package("telnet-server"),))
    base.commit()
    found: dict[str, Content] = {
        f"/usr/share/rpm/{name}": (folder / name).read_bytes() for name in ("rpmdb.sqlite", "rpmdb.sqlite-wal")
    }
    base.close()
    return found


def test_a_package_that_stands_only_in_the_log_is_installed(tmp_path: Path) -> None:
    files = sqlite_with_log(tmp_path)
    assert names(fact_of(build(tmp_path / "with", files), NAMES[0])) == ["bash", "telnet-server"]
    alone = {name: content for name, content in files.items() if not name.endswith("-wal")}
    assert names(fact_of(build(tmp_path / "without", alone), NAMES[0])) == ["bash"]


def test_an_unfinished_rollback_is_a_gap(tmp_path: Path) -> None:
    files = sqlite_with_log(tmp_path)
    journal = "/usr/share/rpm/rpmdb.sqlite-journal"
    hot = bytes.fromhex("d9d505f920a163d7") + b"\0" * 600
    assert not fact_of(build(tmp_path / "hot", {**files, journal: hot}), NAMES[0]).complete
    assert fact_of(build(tmp_path / "cold", {**files, journal: b"\0" * 600}), NAMES[0]).complete
    assert fact_of(build(tmp_path / "empty", {**files, journal: b""}), NAMES[0]).complete


def test_a_second_rpm_database_or_a_keyring_of_files_is_a_gap(tmp_path: Path) -> None:
    root = build(tmp_path, {"/var/lib/rpm/Packages.db": ndb([BASH]), "/var/lib/rpm/Packages": b"old"})
    fact = fact_of(root, NAMES[0])
    assert names(fact) == ["bash"]
    assert any("/var/lib/rpm/Packages" in gap for gap in fact.gaps)
    keyring = build(tmp_path / "k", {"/var/lib/rpm/Packages.db": ndb([]), "/var/lib/rpm/pubkeys/a.key": "x"})
    assert not fact_of(keyring, NAMES[2]).complete


@pytest.mark.parametrize(
    "files",
    [
        {"/var/lib/rpm/rpmdb.sqlite": b""},
        {"/var/lib/rpm/rpmdb.sqlite": b"\0" * 8192},
        {"/var/lib/rpm/Packages.db": ndb([BASH])[:-16]},
        {"/var/lib/rpm/Packages.db": ndb([BASH]), "/var/lib/dpkg/status": "nonsense\n"},
        {"/var/lib/dpkg/status.d/a": "Version: 1\n"},
        {"/lib/apk/db/installed": "P:a\n\n"},
        {"/var/lib/rpm/Packages.db": None},
    ],
)
def test_a_damaged_database_is_an_error_of_every_fact(tmp_path: Path, files: dict[str, Content]) -> None:
    for fact in all_facts(build(tmp_path, files)):
        assert fact.state == "error"
        assert fact.reason


def test_without_any_database_nobody_can_say_what_is_installed(tmp_path: Path) -> None:
    installed, databases, keys = all_facts(build(tmp_path, {"/var/lib/rpm": None, "/var/lib/dpkg": None}))
    assert installed.state == "not_collected"
    assert databases.state == "absent"
    assert keys.state == "absent"


def test_an_emptied_database_does_not_show_that_nothing_is_installed(tmp_path: Path) -> None:
    installed, databases, _ = all_facts(build(tmp_path, {"/var/lib/rpm/Packages.db": ndb([KEY])}))
    assert installed.state == "not_collected"
    assert databases.value[0]["count"] == 0


def test_dpkg_states_and_its_journal(tmp_path: Path) -> None:
    states = ["installed", "config-files", "half-configured", "triggers-pending", "not-installed", "unpacked"]
    status = "".join(STANZA.format(name=f"p-{state}", state=state) for state in states)
    root = build(
        tmp_path,
        {
            "/var/lib/dpkg/status": status,
            "/var/lib/dpkg/updates/0000": STANZA.format(name="p-installed", state="not-installed"),
            "/var/lib/dpkg/updates/0001": STANZA.format(name="new", state="installed"),
            "/var/lib/dpkg/updates/tmp.i": "half written",
        },
    )
    fact = fact_of(root, NAMES[0])
    assert [(item["name"], item["state"]) for item in fact.value] == [
        ("new", "installed"),
        ("p-half-configured", "broken"),
        ("p-triggers-pending", "installed"),
        ("p-unpacked", "broken"),
    ]
    new = fact.value[0]
    assert (new["epoch"], new["version"], new["release"], new["evr"]) == (2, "1.0", "3", "2:1.0-3")
    assert new["source"] == "/var/lib/dpkg/updates/0001"


def test_distroless(tmp_path: Path) -> None:
    stanza = "Package: base\nVersion: 12.4+deb12u5\nArchitecture: amd64\n"
    root = build(
        tmp_path,
        {"/var/lib/dpkg/status.d/base": stanza, "/var/lib/dpkg/status.d/base.md5sums": f"{'0' * 32}  etc/x\n"},
    )
    installed, databases, _ = all_facts(root)
    assert [(item["name"], item["version"], item["release"]) for item in installed.value] == [
        ("base", "12.4+deb12u5", None)
    ]
    assert databases.value[0]["format"] == "status.d"


def test_apk_through_the_merged_lib(tmp_path: Path) -> None:
    text = "P:musl\nV:1.2.5-r9\nA:x86_64\no:musl\n\nP:openssh\nV:9.9_p1-r2\nf:f\n\n"
    root = build(tmp_path, {"/usr/lib/apk/db/installed": text, "/lib": ("link", "usr/lib")})
    installed, databases, _ = all_facts(root)
    assert [(item["name"], item["version"], item["release"], item["state"]) for item in installed.value] == [
        ("musl", "1.2.5", "r9", "installed"),
        ("openssh", "9.9_p1", "r2", "broken"),
    ]
    assert [item["path"] for item in databases.value] == ["/usr/lib/apk/db/installed"]


def test_several_managers_at_once(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/var/lib/rpm/Packages.db": ndb([BASH]),
            "/var/lib/dpkg/status": STANZA.format(name="bash", state="installed"),
        },
    )
    installed, databases, _ = all_facts(root)
    assert [(item["name"], item["manager"]) for item in installed.value] == [("bash", "dpkg"), ("bash", "rpm")]
    assert [item["manager"] for item in databases.value] == ["dpkg", "rpm"]


def test_this_machine_as_dpkg_query_sees_it(tmp_path: Path) -> None:
    if shutil.which("dpkg-query") is None:
        pytest.skip("dpkg-query is not installed: this is no Debian")
    root = build(tmp_path, {"/var/lib/dpkg/status": Path("/var/lib/dpkg/status").read_bytes()})
    form = "${db:Status-Status} ${Package} ${Version} ${Architecture}\n"
    said = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    expected = sorted(line.partition(" ")[2] for line in said.splitlines() if line.startswith("installed "))
    fact = fact_of(root, NAMES[0])
    ours = sorted(f"{item['name']} {item['evr']} {item['arch']}" for item in fact.value if item["state"] == "installed")
    assert ours == expected
