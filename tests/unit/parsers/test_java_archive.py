"""Java archives: coordinates, manifests, archives inside archives, and hostile ones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import java_archive
from scanner.parsers.java_archive import JavaArchive, MavenProject, parse


def jar(members: Mapping[str, str | bytes]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def pom(group: str, artifact: str, version: str) -> dict[str, str | bytes]:
    text = f"#Created by Apache Maven\r\ngroupId={group}\r\nartifactId={artifact}\r\nversion={version}\r\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text}


def read(data: bytes, name: str) -> JavaArchive:
    return parse(lambda offset, length: data[offset : offset + length], len(data), name)


def test_an_archive_as_maven_makes_it() -> None:
    manifest = (
        "Manifest-Version: 1.0\r\nImplementation-Title: a\r\n title\r\nBundle-License: MIT\r\n\r\nName: x\r\nA: b\r\n"
    )
    found = read(jar({**pom("org.example", "one", "1.2"), "META-INF/MANIFEST.MF": manifest}), "one-1.2.jar")
    assert found.own == MavenProject("org.example", "one", "1.2")
    assert found.manifest == {"Manifest-Version": "1.0", "Implementation-Title": "atitle", "Bundle-License": "MIT"}


def test_a_lone_project_of_another_name_was_merged_into_the_archive() -> None:
    found = read(jar(pom("org.jctools", "jctools-core", "4.0.5")), "sdk-trace-1.55.0.jar")
    assert (found.own, [one.artifact for one in found.projects]) == (None, ["jctools-core"])


def test_of_several_projects_the_archive_is_named_for_its_own() -> None:
    members = {**pom("g", "app", "1"), **pom("g", "app-core", "2"), **pom("h", "dep", "3")}
    own = read(jar(members), "app-core-2.jar").own
    assert own is not None
    assert own.artifact == "app-core"
    assert read(jar(members), "other.jar").own is None


def test_archives_inside_archives() -> None:
    inner = jar({**pom("g", "lib", "3"), "deep.jar": jar(pom("g", "deep", "4"))})
    found = read(jar({"WEB-INF/lib/lib-3.jar": inner}), "app.war")
    assert [one.name for one in found.inner] == ["lib-3.jar"]
    assert [one.own.artifact for one in found.inner[0].inner if one.own] == ["deep"]


def test_placeholders_and_missing_parts_are_no_coordinates() -> None:
    members = {"META-INF/maven/g/a/pom.properties": "groupId=g\nartifactId=a\nversion=${project.version}\n"}
    assert read(jar(members), "a.jar").projects == ()
    assert read(jar({"META-INF/maven/g/a/pom.properties": "artifactId=a\n"}), "a.jar").projects == ()


def test_escapes_of_properties() -> None:
    text = "! comment\ngroupId : org\\u002eexample\nartifactId a\\=b\nversion=1\\ 2\n"
    assert read(jar({"META-INF/maven/g/a/pom.properties": text}), "x.jar").projects == (
        MavenProject("org.example", "a=b", "1 2"),
    )


def nested(depth: int) -> bytes:
    data = jar({"x": ""})
    for _ in range(depth):
        data = jar({"inner.jar": data})
    return data


HOSTILE = {
    "no archive": b"PK\3\4 nothing",
    "empty": b"",
    "cut off": jar(pom("g", "a", "1"))[:-30],
    "too deep": nested(5),
    "a manifest that unpacks to megabytes": jar({"META-INF/MANIFEST.MF": b"A: " + b"x" * (4 << 20)}),
    "an inner archive that unpacks to 100 MB": jar({"big.jar": bytes(100 << 20)}),
    "an inner archive that is none": jar({"broken.jar": b"PK nothing"}),
    "too many projects": jar({f"META-INF/maven/g/a{n}/pom.properties": "groupId=g" for n in range(2500)}),
    "damaged content": bytearray(jar(pom("g", "a", "1"))),
}
HOSTILE["damaged content"][45:60] = bytes(15)  # type: ignore[index]  # the one value that is a bytearray


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_archives_are_errors(case: str) -> None:
    with pytest.raises(ParseError):
        read(bytes(HOSTILE[case]), "x.jar")


def test_the_archives_of_a_target_share_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java_archive, "_MOST_UNPACKED", 3000)
    budget = java_archive.Budget()
    data = jar({"META-INF/MANIFEST.MF": b"A: " + b"x" * 1000})
    for _ in range(2):
        parse(lambda offset, length: data[offset : offset + length], len(data), "a.jar", budget)
    with pytest.raises(ParseError, match="limit"):
        parse(lambda offset, length: data[offset : offset + length], len(data), "a.jar", budget)


def test_a_table_of_members_beyond_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java_archive, "_MOST_TABLE", 1000)
    with pytest.raises(ParseError, match="table of members"):
        read(jar({f"{number}.class": "" for number in range(100)}), "x.jar")


def test_a_real_archive_of_debian() -> None:
    path = Path("/usr/share/java/commons-lang3.jar")
    if not path.exists():
        pytest.skip("commons-lang3.jar is not there: make test installs it (Debian package libcommons-lang3-java)")
    own = read(path.read_bytes(), path.resolve().name).own
    assert own is not None
    assert (own.group, own.artifact) == ("org.apache.commons", "commons-lang3")
    assert f"-{own.version}.jar" in path.resolve().name or path.resolve().name == "commons-lang3.jar"
