"""Repositories of dnf, apt and apk, and what dnf makes of its settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model.fact import Json
from tests.support import Content, build, fact_of, facts_of

MAIN = "[main]\ngpgcheck=1\nlocalpkg_gpgcheck=True\nclean_requirements_on_remove=0\n"
REPO = "[baseos]\nname=x\nbaseurl=https://user:geheim@a.example.org/b\ngpgkey=file:///etc/pki/rpm-gpg/A\n"


def repositories(root: Path) -> dict[str, dict[str, Json]]:
    fact = fact_of(root, "repositories.configured")
    assert fact.state == "present", fact.reason
    return {record["id"]: record for record in fact.value}


def test_dnf_settings(tmp_path: Path) -> None:
    value = fact_of(build(tmp_path, {"/etc/dnf/dnf.conf": MAIN}), "dnf.settings").value
    assert value == {
        "gpgcheck": True,
        "repo_gpgcheck": False,
        "localpkg_gpgcheck": True,
        "sslverify": True,
        "clean_requirements_on_remove": False,
        "set": ["clean_requirements_on_remove", "gpgcheck", "localpkg_gpgcheck"],
        "source": "/etc/dnf/dnf.conf",
    }


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[main]\n",
        "[main]\n#gpgcheck=1\n",
        "[main]\ngpgcheck=1\ngpgcheck=0\n",
        "[main]\ngpgcheck=1\n [main]\ngpgcheck='0'\n",
        "[main]\r\ngpgcheck=1\r\ngpgcheck=0\r\n",
        "[other]\ngpgcheck=1\n",
        "[main]\ngpgcheck=1 # on\n",
        "[main]\nGPGCheck=1\n",
        "[main]\ngpgcheck=1\n 0\n",
    ],
)
def test_traps_that_leave_gpgcheck_off(tmp_path: Path, text: str) -> None:
    assert fact_of(build(tmp_path, {"/etc/dnf/dnf.conf": text}), "dnf.settings").value["gpgcheck"] is False


def test_dnf_without_its_file_or_without_dnf(tmp_path: Path) -> None:
    bare = fact_of(build(tmp_path / "a", {"/usr/bin/dnf": b"x"}), "dnf.settings").value
    assert (bare["gpgcheck"], bare["set"], bare["source"]) == (False, [], None)
    facts = facts_of(build(tmp_path / "b", {"/etc": None}), ["dnf.settings", "repositories.configured"])
    assert {fact.state for fact in facts.values()} == {"absent"}


def test_drop_ins_of_dnf5_come_before_the_main_file(tmp_path: Path) -> None:
    drop_in = "/usr/share/dnf5/libdnf.conf.d/20-vendor.conf"
    files: dict[str, Content] = {drop_in: "[main]\ngpgcheck=1\nrepo_gpgcheck=1\n", "/etc/dnf/dnf.conf": "[main]\n"}
    value = fact_of(build(tmp_path / "a", files), "dnf.settings").value
    assert (value["gpgcheck"], value["repo_gpgcheck"], value["source"]) == (True, True, drop_in)
    files["/etc/dnf/dnf.conf"] = "[main]\ngpgcheck=0\n"
    assert fact_of(build(tmp_path / "b", files), "dnf.settings").value["gpgcheck"] is False


def test_a_broken_main_file_is_an_error_of_all(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/dnf/dnf.conf": "gpgcheck=1\n", "/etc/yum.repos.d/a.repo": REPO})
    for fact in facts_of(root, ["dnf.settings", "repositories.configured"]).values():
        assert fact.state == "error"


def test_repositories_inherit_and_override(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/dnf/dnf.conf": f"{MAIN}[in-main]\nenabled=0\n",
            "/etc/yum.repos.d/a.repo": f"{REPO}[off]\ngpgcheck=0\nenabled=no\n[on]\ngpgcheck=yes\nrepo_gpgcheck=1\n",
            "/etc/yum.repos.d/b.repo": "[off]\ngpgcheck=1\n",
            "/etc/yum.repos.d/c.repo.rpmsave": "[saved]\ngpgcheck=0\n",
        },
    )
    found = repositories(root)
    assert sorted(found) == ["baseos", "in-main", "off", "on"]
    assert (found["baseos"]["gpgcheck"], found["baseos"]["gpgcheck_set"]) == (True, None)
    assert (found["off"]["gpgcheck"], found["off"]["gpgcheck_set"], found["off"]["enabled"]) == (False, False, False)
    assert (found["on"]["gpgcheck_set"], found["on"]["repo_gpgcheck"]) == (True, True)
    assert (found["in-main"]["enabled"], found["in-main"]["source"]) == (False, "/etc/dnf/dnf.conf")
    assert found["baseos"]["urls"] == ["https://a.example.org/b"]
    assert found["baseos"]["signed_by"] == ["file:///etc/pki/rpm-gpg/A"]


def test_a_repository_that_is_hidden_by_its_form(tmp_path: Path) -> None:
    text = "[good]\nbaseurl=http://a/\n [bad]\n\nname=b\ngpgcheck='0'\r\n"
    root = build(tmp_path, {"/etc/dnf/dnf.conf": MAIN, "/etc/yum.repos.d/a.repo": text})
    assert {name: record["gpgcheck"] for name, record in repositories(root).items()} == {"good": True, "bad": False}


def test_a_password_in_an_address_leaves_no_trace(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/yum.repos.d/a.repo": REPO, "/etc/apt/sources.list": "deb http://u:geheim@h/ s\n"})
    fact = fact_of(root, "repositories.configured")
    assert "geheim" not in repr(fact)
    assert [item.sha256 for item in fact.evidence] == [None, None]


def test_the_first_of_a_name_counts_in_the_order_of_dnf(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/yum.repos.d/a-b.repo": "[x]\ngpgcheck=1\n",
            "/etc/yum.repos.d/a.repo": "[x]\ngpgcheck=0\n",
            "/etc/distro.repos.d/z.repo": "[y]\ngpgcheck=0\n",
            "/etc/yum.repos.d/b.repo": "[y]\ngpgcheck=1\n",
            "/etc/yum.repos.d/.hidden.repo": "[hidden]\n",
        },
    )
    found = repositories(root)
    assert {name: record["source"] for name, record in found.items()} == {
        "x": "/etc/yum.repos.d/a.repo",
        "y": "/etc/distro.repos.d/z.repo",
    }


def test_reposdir_leads_elsewhere(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/dnf/dnf.conf": "[main]\nreposdir=/srv/repos\n",
            "/srv/repos/a.repo": "[elsewhere]\n",
            "/etc/yum.repos.d/b.repo": "[unused]\n",
        },
    )
    assert sorted(repositories(root)) == ["elsewhere"]


def test_what_cannot_be_used_is_a_gap(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/yum.repos.d/a.repo": "gpgcheck=0\n",
            "/etc/yum.repos.d/b.repo": "[good]\n",
            "/etc/yum.repos.d/d.repo": None,
            "/etc/dnf/repos.override.d/c.repo": "[good]\ngpgcheck=0\n",
            "/etc/apt/sources.list.d/x.sources": "Types: deb\n",
            "/etc/apk/repositories": "@tag\n",
        },
    )
    fact = fact_of(root, "repositories.configured")
    assert [record["id"] for record in fact.value] == ["good"]
    for name in ("a.repo", "d.repo", "c.repo", "x.sources", "/etc/apk/repositories"):
        assert any(name in gap for gap in fact.gaps), name


def test_apt(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/etc/apt/sources.list": "deb [trusted=yes] http://a/ ./\n",
            "/etc/apt/sources.list.d/b.list": "deb http://b/ stable main\n",
            "/etc/apt/sources.list.d/c.sources": "Types: deb\nURIs: http://c/\nSuites: s\nSigned-By: /k.gpg\n",
            "/etc/apt/sources.list.d/d.list.disabled": "deb http://d/ stable main\n",
            "/etc/apt/sources.list.d/e f.list": "deb http://e/ stable main\n",
        },
    )
    found = repositories(root)
    assert sorted(found) == ["deb http://a/ ./", "deb http://b/ stable", "deb http://c/ s"]
    assert found["deb http://a/ ./"]["gpgcheck"] is False
    assert found["deb http://b/ stable"]["gpgcheck"] is True
    assert found["deb http://c/ s"]["signed_by"] == ["/k.gpg"]


def test_apk(tmp_path: Path) -> None:
    found = repositories(build(tmp_path, {"/etc/apk/repositories": "https://a/main\n@edge https://a/edge\n"}))
    assert {name: record["enabled"] for name, record in found.items()} == {
        "https://a/main": True,
        "https://a/edge": False,
    }


def test_configured_without_repositories_is_empty(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc/dnf/dnf.conf": MAIN}), "repositories.configured")
    assert (fact.state, fact.value, fact.complete) == ("present", [], True)


def test_key_files(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {"/etc/pki/rpm-gpg/RPM-GPG-KEY-A": "k", "/etc/apk/keys/a.rsa.pub": "k", "/etc/apt/trusted.gpg": b"k"},
    )
    assert fact_of(root, "repositories.keys").value == [
        {"manager": "apk", "source": "/etc/apk/keys/a.rsa.pub"},
        {"manager": "apt", "source": "/etc/apt/trusted.gpg"},
        {"manager": "rpm", "source": "/etc/pki/rpm-gpg/RPM-GPG-KEY-A"},
    ]
    assert fact_of(build(tmp_path / "b", {"/etc": None}), "repositories.keys").value == []
