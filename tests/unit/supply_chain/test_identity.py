"""Package URLs in canonical form, and what makes two components the same thing."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

from scanner.supply_chain.identity import canonical_purl, ecosystem, identity, split_purl
from scanner.supply_chain.model import Component

_TYPES = st.sampled_from(
    [
        *(
            "deb",
            "rpm",
            "apk",
            "maven",
            "golang",
            "generic",
            "npm",
            "pypi",
            "nuget",
            "gem",
            "cargo",
            "docker",
            "github",
        ),
        *("composer", "hex", "oci", "pub", "cpan", "mlflow", "huggingface", "swift", "unknown-type", "UPPER"),
    ]
)
_PIECES = st.sampled_from(
    [
        *("a", "B", "1", ".", "..", "_", "~", "-", ":", "@", "/", "//", "?", "=", "&", "+", "#", " ", "é", "\0"),
        *("%2B", "%2b", "%40", "%2F", "%2e", "%zz", "%", "arch=x", "type=jar", "b=c", "a=", "=b", "name", "npm"),
    ]
)


def _oracle(text: str) -> str | None:
    try:
        return PackageURL.from_string(text).to_string()
    except (ValueError, TypeError):  # the package trips over a name of nothing but escaped slashes
        return None


@settings(max_examples=500, deadline=None)
@given(_TYPES, st.lists(_PIECES, min_size=1, max_size=10))
@example("deb", ["debian/libc6@2.36-9+deb12u4?arch=amd64&distro=debian-12"])
@example("npm", ["%40angular/core@1.0.0"])
@example("maven", ["g/a@1?type=jar&classifier=sources"])
@example("golang", ["example.org/Mod/v2@v2.0.0#sub/dir"])
@example("pypi", ["Under_Score@1"])
@example("generic", ["../a@1"])
def test_the_canonical_form_is_that_of_packageurl(kind: str, pieces: list[str]) -> None:
    text = f"pkg:{kind}/{''.join(pieces)}"
    assert canonical_purl(text) == _oracle(text)


@pytest.mark.parametrize(
    "text", ["", "x", "pkg:", "pkg:deb", "pkg:/a", "http://a/b", "pkg:deb/a?x", "pkg:deb/" + "a" * 9000]
)
def test_what_is_no_package_url(text: str) -> None:
    assert canonical_purl(text) is None


def _of(purl: str) -> str:
    canonical = canonical_purl(purl)
    assert canonical is not None
    return identity(Component("r", "n", purl=canonical))


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("pkg:deb/debian/a@1?arch=amd64&distro=debian-11", "pkg:deb/debian/a@2?distro=debian-12&arch=amd64"),
        ("pkg:pypi/Foo_Bar.baz@1", "pkg:pypi/foo-bar-baz@2"),
        ("pkg:golang/Example.org/Mod@v1", "pkg:golang/example.org/mod@v2"),
        ("pkg:maven/g/a@1?type=jar", "pkg:maven/g/a@2"),
        ("pkg:npm/%40Scope/Name@1", "pkg:npm/%40scope/name@1#lib/index.js"),
        ("pkg:rpm/RHEL/a@1?arch=x86_64&epoch=1", "pkg:rpm/rhel/a@1?arch=x86_64"),
        ("pkg:nuget/Newtonsoft.Json@1", "pkg:nuget/newtonsoft.json@2"),
        ("pkg:oci/a@sha256%3Aabc?tag=1", "pkg:oci/a@sha256%3Adef?tag=2"),
        ("pkg:deb/debian/g++@1", "pkg:deb/debian/g%2B%2B@2"),
    ],
)
def test_the_same_thing(one: str, two: str) -> None:
    assert _of(one) == _of(two)


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("pkg:deb/debian/a@1?arch=amd64", "pkg:deb/debian/a@1?arch=i386"),
        ("pkg:deb/debian/a@1", "pkg:deb/ubuntu/a@1"),
        ("pkg:maven/g/a@1?classifier=sources", "pkg:maven/g/a@1"),
        ("pkg:maven/G/a@1", "pkg:maven/g/a@1"),
        ("pkg:rpm/rhel/A@1", "pkg:rpm/rhel/a@1"),
        ("pkg:npm/a@1", "pkg:pypi/a@1"),
        ("pkg:oci/a@1?repository_url=one.example/x", "pkg:oci/a@1?repository_url=two.example/x"),
        ("pkg:golang/example.org/mod@v1", "pkg:golang/example.org/mod/v2@v2"),
    ],
)
def test_different_things(one: str, two: str) -> None:
    assert _of(one) != _of(two)


def test_without_a_purl_type_group_and_name_identify() -> None:
    assert identity(Component("r", "n", "1", group="g")) == "component:library/g/n"
    assert identity(Component("r", "n", "1", type="file")) != identity(Component("r", "n", "1"))


@settings(max_examples=200, deadline=None)
@given(_TYPES, st.lists(_PIECES, min_size=1, max_size=8))
def test_the_identity_never_holds_a_version_and_has_an_identity_of_its_own(kind: str, pieces: list[str]) -> None:
    purl = canonical_purl(f"pkg:{kind}/{''.join(pieces)}")
    if purl is not None:
        found = identity(Component("r", "n", purl=purl))
        assert found.startswith("pkg:")
        assert "@" not in found.partition("?")[0]
        assert identity(Component("r", "n", purl=found)) == found


def test_the_parts_of_a_purl() -> None:
    assert split_purl("pkg:npm/%40s/n@1.0?arch=x&os=y#sub") == ("npm", "%40s", "n", "1.0", {"arch": "x", "os": "y"})
    assert split_purl("pkg:generic/n") == ("generic", "", "n", "", {})


@pytest.mark.parametrize(
    ("component", "expected"),
    [
        (Component("r", "n", purl="pkg:deb/debian/n@1"), "deb"),
        (Component("r", "n", properties={"syft:package:type": "java-archive"}), "maven"),
        (Component("r", "n", properties={"aquasecurity:trivy:PkgType": "alpine"}), "apk"),
        (Component("r", "n", properties={"syft:package:type": "never-heard-of"}), ""),
        (Component("r", "n"), ""),
    ],
)
def test_ecosystem(component: Component, expected: str) -> None:
    assert ecosystem(component) == expected
