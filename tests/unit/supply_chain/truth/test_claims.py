"""How names and versions of two sides are levelled."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scanner.supply_chain.model import Component
from scanner.supply_chain.truth.claims import claim_of, level_arch, same_version, upstream

ON_BUSY_MACHINES = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
VERSIONS = st.from_regex(r"\A([1-9]:)?[1-9][0-9]{0,2}(\.[0-9]{1,2}){0,2}-[1-9]\Z")


@pytest.mark.parametrize(
    ("kind", "listed", "installed", "result"),
    [
        ("deb", "1.0-1", "1.0-1", "same"),
        ("deb", "1.0-1", "2:1.0-1", "same"),
        ("deb", "2:1.0-1", "2:1.0-1", "same"),
        ("deb", "1:1.0-1", "2:1.0-1", ""),
        ("deb", "0:1.0-1", "1.0-1", "same"),
        ("deb", "1:1.0-1", "1.0-1", ""),
        ("deb", "1.0", "1.0-1", "imprecise"),
        ("deb", "", "1.0-1", "imprecise"),
        ("deb", "1.0-2", "1.0-1", ""),
        ("rpm", "5.2-1.el10.x86_64", "5.2-1.el10", "same"),
        ("rpm", "5.2-1.el9", "5.2-1.el10", ""),
        ("apk", "1.2.5", "1.2.5-r0", "imprecise"),
        ("apk", "1.2.5-r1", "1.2.5-r0", ""),
        ("pypi", "1.2", "1.2.0", "same"),
        ("pypi", "1.2rc1", "1.2", ""),
        ("npm", "v1.0.0", "1.0.0", "same"),
        ("npm", "1.0.0-rc.1", "1.0.0", ""),
        ("", "3.0.11", "1:3.0.11+dfsg-1~deb12u2", "imprecise"),
        ("", "3.0.2", "3.0.11-1", ""),
    ],
)
def test_versions(kind: str, listed: str, installed: str, result: str) -> None:
    assert same_version(kind, listed, installed, "x86_64") == result


@ON_BUSY_MACHINES
@given(st.sampled_from(["deb", "rpm", "apk"]), VERSIONS, VERSIONS)
def test_only_the_same_version_is_the_same(kind: str, one: str, two: str) -> None:
    assert same_version(kind, one, one) == "same"
    if one.rpartition(":")[2] != two.rpartition(":")[2]:
        assert same_version(kind, one, two) == ""


@ON_BUSY_MACHINES
@given(st.text(max_size=40), st.text(max_size=40))
def test_no_text_raises(listed: str, installed: str) -> None:
    for kind in ("deb", "rpm", "apk", "pypi", "npm", ""):
        assert same_version(kind, listed, installed) in ("same", "imprecise", "")
    assert isinstance(upstream(installed), str)


@pytest.mark.parametrize(
    ("one", "two"), [("amd64", "x86_64"), ("arm64", "aarch64"), ("i386", "i686"), ("all", "noarch")]
)
def test_architectures(one: str, two: str) -> None:
    assert level_arch(one) == level_arch(two)


@pytest.mark.parametrize(
    ("purl", "claim"),
    [
        ("pkg:deb/debian/libstdc%2B%2B6@12-1?arch=amd64", ("deb", "libstdc++6", "12-1", "x86_64", False)),
        ("pkg:rpm/redhat/bash@5.2-1?arch=src&epoch=1", ("rpm", "bash", "1:5.2-1", "src", True)),
        ("pkg:npm/%40scope/name@1.0.0", ("npm", "@scope/name", "1.0.0", "", False)),
        ("pkg:pypi/zope.interface@5.0", ("pypi", "zope-interface", "5.0", "", False)),
        ("pkg:generic/linux@6.1", ("", "linux", "6.1", "", False)),
        ("pkg:golang/github.com/One/a@v1.2.3#cmd/a", ("golang", "github.com/one/a", "v1.2.3", "", False)),
        ("pkg:maven/org.example/core@3?type=jar", ("maven", "core", "3", "", False)),
        ("pkg:docker/library/app@sha256:ab", ("oci", "app", "sha256:ab", "", False)),
    ],
)
def test_what_a_component_claims(purl: str, claim: tuple[str, str, str, str, bool]) -> None:
    found = claim_of(Component("r", "n", "v", purl=purl))
    assert (found.ecosystem, found.name, found.version, found.arch, found.is_source) == claim
