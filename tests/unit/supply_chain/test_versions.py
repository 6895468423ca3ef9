"""Version orders against the tools and documents that define them."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from scanner.supply_chain.versions import compare, step

SEMVER_JS = [
    Path(folder, "semver") for folder in ("/usr/lib/node_modules/npm/node_modules", "/usr/share/nodejs")
]  # as npm brings it, and as Debian does
MAVEN_JAR = Path("/usr/share/java/maven-artifact-3.x.jar")


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def ascending(ecosystem: str, *ordered: str) -> None:
    for one, two in itertools.combinations(ordered, 2):
        assert compare(ecosystem, one, two) == -1, (one, two)
        assert compare(ecosystem, two, one) == 1, (two, one)


def words(parts: list[str], count: int, seed: int) -> list[str]:
    dice = random.Random(seed)
    return ["1" + "".join(dice.choice(parts) for _ in range(dice.randint(0, 6))) for _ in range(count)]


def test_python_versions_as_packaging_orders_them() -> None:
    parts = [
        *"0129",
        "10",
        ".",
        ".",
        "a",
        "b",
        "rc",
        "c",
        "post",
        "dev",
        "-",
        "_",
        "+",
        "!",
        "alpha",
        "preview",
        "r",
        "local",
        "v",
    ]
    known: list[str] = []
    for text in words(parts, 1500, 5):
        try:
            Version(text)
        except InvalidVersion:
            assert compare("pypi", text, "99") is None, text
        else:
            known.append(text)
    assert len(known) > 300
    for one, two in zip(known, reversed(known), strict=True):
        a, b = Version(one), Version(two)
        assert compare("pypi", one, two) == (a > b) - (a < b), (one, two)


def test_semantic_versions_as_npm_orders_them() -> None:
    module = next((path for path in SEMVER_JS if path.is_dir()), None)
    if module is None or shutil.which("node") is None:
        pytest.skip("node-semver is not installed (Debian: nodejs, node-semver)")
    dice = random.Random(9)
    identifiers = ["0", "1", "2", "10", "alpha", "beta", "a", "rc1", "0a", "-", "x-y"]
    made = []
    for _ in range(1200):
        text = ".".join(dice.choice("0129") for _ in range(3))
        text += "-" + ".".join(dice.choices(identifiers, k=dice.randint(1, 3))) if dice.random() < 0.7 else ""
        made.append(text + ("+" + dice.choice(identifiers) if dice.random() < 0.3 else ""))
    pairs = list(zip(made, reversed(made), strict=True))
    script = f"const s=require({json.dumps(str(module))});const p=JSON.parse(require('fs').readFileSync(0));console.log(JSON.stringify(p.map(([a,b])=>s.compare(a,b))))"
    said = subprocess.run(["node", "-e", script], input=json.dumps(pairs), capture_output=True, text=True, check=True)
    assert [compare("npm", one, two) for one, two in pairs] == json.loads(said.stdout)


def test_semantic_versions_of_the_specification() -> None:
    ascending(
        "cargo", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11",
        "1.0.0-rc.1", "1.0.0", "1.0.1", "1.1.0", "2.0.0",
    )  # fmt: skip
    assert compare("npm", "1.0.0+build.1", "1.0.0+build.2") == 0
    assert compare("npm", "v1.2.3", "1.2.3") == 0
    assert compare("npm", "^1.2.3", "1.2.4") is None


def test_maven_versions_of_the_documentation() -> None:
    ascending("maven", "1-alpha-1", "1-beta", "1-milestone-1", "1-rc", "1-SNAPSHOT", "1", "1-sp", "1-abc", "1-1", "1.1")
    ascending("maven", "1-foo2", "1-foo10")
    for one, two in (
        ("1", "1.0"),
        ("1", "1-ga"),
        ("1.0.0", "1-final"),
        ("1-a1", "1-alpha-1"),
        ("1-cr1", "1-rc1"),
        ("1-RELEASE", "1"),
    ):
        assert compare("maven", one, two) == 0, (one, two)


def test_maven_versions_as_maven_orders_them(tmp_path: Path) -> None:
    if not MAVEN_JAR.is_file() or shutil.which("java") is None:
        pytest.skip("Maven's library is not installed (Debian: libmaven3-core-java, a Java runtime)")
    parts = [
        "1",
        "0",
        "2",
        "10",
        ".",
        ".",
        "-",
        "-",
        "alpha",
        "beta",
        "rc",
        "snapshot",
        "final",
        "ga",
        "sp",
        "x",
        "foo",
    ]
    made = [
        text for text in words(parts, 600, 7) if "--" not in text and ".." not in text and not text.endswith((".", "-"))
    ]
    # Where separators and qualifiers stand side by side, Maven's releases differ among themselves.
    made = [
        text for text in made if all(word in parts for word in text.replace("-", ".").split(".") if not word.isdigit())
    ]
    pairs = list(zip(made, reversed(made), strict=True))
    source = tmp_path / "Order.java"
    source.write_text(
        "import org.apache.maven.artifact.versioning.ComparableVersion;\n"
        "public class Order { public static void main(String[] a) { for (int i = 0; i < a.length; i += 2)"
        " System.out.println(Integer.signum(new ComparableVersion(a[i]).compareTo(new ComparableVersion(a[i + 1])))); } }\n"
    )
    libraries = f"{MAVEN_JAR}:/usr/share/java/commons-lang3.jar"
    command = ["java", "-cp", libraries, str(source), *itertools.chain(*pairs)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    wrong = [
        (one, two, int(expected))
        for (one, two), expected in zip(pairs, said.stdout.split(), strict=True)
        if compare("maven", one, two) != int(expected)
    ]
    assert wrong == []


def test_distribution_packages() -> None:
    ascending("deb", "1.0~rc1-1", "1.0-1", "1.0-1+deb12u1", "1.0-2", "1:0.1")
    ascending("rpm", "1.0~rc1-1", "1.0-1.el9", "1.0^git1-1", "1:0.1-1")
    ascending("apk", "1.0_rc1-r0", "1.0-r0", "1.0-r1", "1.0_p1-r0")
    assert compare("rpm", "0:1.0-1", "1.0-1") == 0
    assert compare("deb", "latest", "1.0") is None


def test_ruby_nuget_and_go() -> None:
    ascending("gem", "1.0.0.a", "1.0.0.b2", "1.0.0.b10", "1.0.0.rc1", "1.0", "1.0.1", "1.0.10")
    assert compare("gem", "1.0", "1.0.0") == 0
    ascending("nuget", "1.0.0-alpha", "1.0.0-Beta", "1.0", "1.0.0.1", "1.1")
    assert compare("nuget", "1.0", "1.00.0.0+build") == 0
    ascending(
        "golang",
        "v0.0.0-20191109021931-daa7c04131f5",
        "v0.0.0-20210405180319-a5a99cb37ef4",
        "v1.0.0-rc.1",
        "v1.0.0",
        "v2.0.0+incompatible",
    )
    ascending("golang", "go1.21rc2", "go1.21", "go1.21.3")
    assert compare("golang", "(devel)", "v1.0.0") is None


def test_versions_without_a_known_order() -> None:
    ascending("generic", "1.0-rc1", "1.0", "1.0.1", "1.0.10", "1.2")
    ascending("generic", "1.1.1", "1.1.1a", "1.1.1b", "3.0.0")
    ascending("", "2024.01.05", "2024.1.6")
    assert compare("generic", "1.0", "1.0.0") == 0
    for one, two in (("9f8e7d6", "1a2b3c4"), ("1.0-foo", "1.0-bar"), ("latest", "stable"), ("", "1"), ("1" * 600, "2")):
        assert compare("generic", one, two) is None, (one, two)


@pytest.mark.parametrize(
    ("one", "two", "expected"),
    [
        ("1.2.3", "2.0.0", "major"), ("1.2.3", "1.3.0", "minor"), ("1.2.3", "1.2.4", "patch"), ("1.2", "1.2.0.1", "patch"),
        ("1.2.3-1", "1.2.3-2", "revision"), ("1:1.2-1.el9", "1:1.2-2.el9", "revision"), ("v1.0.0", "v1.1.0", "minor"),
        ("1.0.0-rc1", "1.0.0", "revision"), ("latest", "1.0", "other"),
    ],
)  # fmt: skip
def test_how_far_two_versions_are_apart(one: str, two: str, expected: str) -> None:
    assert step(one, two) == step(two, one) == expected


ECOSYSTEMS = st.sampled_from(["deb", "rpm", "apk", "npm", "pypi", "maven", "golang", "nuget", "gem", "generic", ""])
TEXTS = st.one_of(st.text(max_size=30), st.from_regex(r"\A[0-9v]([.\-+~^_a-z0-9]){0,20}\Z"))


@given(ECOSYSTEMS, TEXTS, TEXTS)
def test_any_text_is_compared_or_has_no_order(ecosystem: str, one: str, two: str) -> None:
    forth, back = compare(ecosystem, one, two), compare(ecosystem, two, one)
    assert forth in (-1, 0, 1, None)
    assert back == (None if forth is None else -forth)
    assert compare(ecosystem, one, one) == 0


@pytest.mark.parametrize(("a", "b"), [("1-1", "1-2"), ("1.0-foo", "1.0-bar"), ("1_x1", "1_x2")])
def test_what_is_no_apk_version_has_no_order(a: str, b: str) -> None:
    assert compare("apk", a, b) is None
