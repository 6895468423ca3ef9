"""What languages install and compile into programs, as components; and the same held against documents."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from scanner.supply_chain.checking.schemas import validate
from scanner.supply_chain.loading.opening import open_bom
from scanner.supply_chain.making.cyclonedx_writer import to_cyclonedx
from scanner.supply_chain.making.documents import make
from scanner.supply_chain.making.parties import Parties, Party
from scanner.supply_chain.making.spdx_writer import to_spdx
from scanner.supply_chain.model import Bom, Component
from scanner.target.tree import TreeTarget
from tests.elf_lab import elf, inline_blob
from tests.small_systems import CLOCK, debian, made, named, truth_of, write_program
from tests.support import build

MODULES = (
    "path\texample.org/tool/cmd/tool\nmod\texample.org/tool\tv2.1.0\t\n"
    "dep\tgithub.com/one/a\tv1.2.3\th1:AAAA=\ndep\tgithub.com/two/b\tv0.4.0\th1:BBBB=\n"
    "build\tvcs.revision=0123abcd\n"
)
CRATES = [
    {"name": "rusty", "version": "0.3.0", "source": "local", "root": True, "dependencies": [1]},
    {"name": "serde", "version": "1.0.200", "source": "crates.io"},
    {"name": "cc", "version": "1.0.1", "source": "crates.io", "kind": "build"},
]
GEMSPEC = 's.name = "rack".freeze\ns.version = "2.2.8"\ns.licenses = ["MIT".freeze]\ns.authors = ["L".freeze]\n'
COMPOSER = {
    "packages": [
        {
            "name": "monolog/monolog",
            "version": "2.9.1",
            "license": ["MIT"],
            "require": {"psr/log": "^1", "php": ">=7"},
            "install-path": "../monolog/monolog",
        },
        {"name": "psr/log", "version": "v1.1.4", "license": ["MIT"], "install-path": "../psr/log"},
    ]
}


def go_program(modules: str = MODULES, go: str = "go1.22.1") -> bytes:
    return elf({".go.buildinfo": inline_blob(go, modules)})


def rust_program() -> bytes:
    return elf({".dep-v0": zlib.compress(json.dumps({"packages": CRATES}).encode())})


def jar(group: str, artifact: str, version: str, **inner: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        text = f"groupId={group}\nartifactId={artifact}\nversion={version}\n"
        for name, content in {f"META-INF/maven/{group}/{artifact}/pom.properties": text.encode(), **inner}.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


@pytest.fixture
def languages(tmp_path: Path) -> Path:
    """A dpkg system with programs of Go and Rust, Java archives, gems and Composer packages of its own."""
    root = debian(tmp_path / "root")
    write_program(root, "/usr/local/bin/tool", go_program())
    write_program(root, "/usr/local/bin/rusty", rust_program())
    write_program(root, "/usr/bin/alpha", go_program(MODULES.replace("v1.2.3", "v1.9.9"), "go1.21.0"))
    (root / "var/lib/dpkg/info/alpha.md5sums").unlink(missing_ok=True)
    inner = {"BOOT-INF/lib/core-3.jar": jar("org.example", "core", "3")}
    return build(
        root,
        {
            "/opt/app/app-1.5.jar": jar("org.example", "app", "1.5", **inner),
            "/opt/app/plain.jar": jar("org.other", "merged", "7"),
            "/var/lib/gems/3.1.0/specifications/rack-2.2.8.gemspec": GEMSPEC,
            "/var/lib/gems/3.1.0/gems/rack-2.2.8/lib/rack.rb": "x",
            "/srv/www/vendor/composer/installed.json": json.dumps(COMPOSER),
            "/srv/www/vendor/psr/log/x.php": "x",
        },
    )


def purls(bom: Bom, *kinds: str) -> list[str]:
    return sorted(
        one.purl for one in bom.components if one.purl and one.purl.partition("/")[0].removeprefix("pkg:") in kinds
    )


def test_every_language_is_listed(languages: Path) -> None:
    bom = made(languages)
    assert purls(bom, "golang") == [
        "pkg:golang/example.org/tool@v2.1.0",
        "pkg:golang/github.com/one/a@v1.2.3",
        "pkg:golang/github.com/one/a@v1.9.9",
        "pkg:golang/github.com/two/b@v0.4.0",
        "pkg:golang/stdlib@1.21.0",
        "pkg:golang/stdlib@1.22.1",
    ]
    assert purls(bom, "cargo") == ["pkg:cargo/rusty@0.3.0", "pkg:cargo/serde@1.0.200"]
    assert purls(bom, "maven") == [
        "pkg:maven/org.example/app@1.5",
        "pkg:maven/org.example/core@3",
        "pkg:maven/org.other/merged@7",
    ]
    assert purls(bom, "gem", "composer") == [
        "pkg:composer/monolog/monolog@2.9.1",
        "pkg:composer/psr/log@v1.1.4",
        "pkg:gem/rack@2.2.8",
    ]
    assert named(bom, "plain").purl is None
    assert bom.dropped == ()


def test_parts_belong_to_what_they_are_built_into(languages: Path) -> None:
    bom = made(languages)
    names = {one.ref: one.name for one in bom.components}
    inside = {(names[one.source], names[one.target]) for one in bom.relations if one.kind == "contains"}
    assert {
        ("/usr/local/bin/tool", "example.org/tool"),
        ("/usr/local/bin/rusty", "serde"),
        ("app", "core"),
        ("plain", "merged"),
        ("alpha", "github.com/one/a"),
    } <= inside
    assert ("rusty", "serde") in {
        (names[one.source], names[one.target]) for one in bom.relations if one.kind == "depends_on"
    }
    shared = named(bom, "github.com/two/b")
    assert shared.properties["assay:places"] == "/usr/bin/alpha; /usr/local/bin/tool"
    assert shared.properties["assay:go:sum"] == "h1:BBBB="
    assert named(bom, "app").hashes["sha256"]


def test_all_of_it_is_valid_and_true_of_the_target(languages: Path) -> None:
    bom = made(languages)
    data = to_cyclonedx(bom)
    loaded = open_bom(data, "made")
    assert validate(loaded, data).state == "valid"
    for document in (loaded, open_bom(to_spdx(bom), "made")):
        found = truth_of(document, languages)
        assert found.verdict == "true", found.to_json()
        assert found.counts["installed"] == found.counts["installed_listed"]


@pytest.mark.parametrize("contact", ["", "sbom@example.com", "https://example.com"])
def test_the_spdx_validator_has_nothing_to_say(languages: Path, tmp_path: Path, contact: str) -> None:
    from spdx_tools.spdx.parser.parse_anything import parse_file
    from spdx_tools.spdx.validation.document_validator import validate_full_spdx_document

    target = TreeTarget(languages)
    someone = Party("Example (Europe) Ltd", contact)
    document = to_spdx(make(target, CLOCK, parties=Parties(someone, someone)))
    target.close()
    path = tmp_path / "sbom.spdx.json"
    path.write_bytes(document)
    assert validate_full_spdx_document(parse_file(str(path))) == []


def without(bom: Bom, *names: str) -> Bom:
    return replace(bom, components=tuple(one for one in bom.components if one.name not in names))


def other(bom: Bom, name: str, purl: str) -> Bom:
    version = purl.rpartition("@")[2]
    return replace(
        bom,
        components=tuple(
            replace(one, purl=purl, version=version) if one.name == name else one for one in bom.components
        ),
    )


UNTRUE: dict[str, tuple[Callable[[Bom], Bom], str, str]] = {
    "a module omitted": (lambda bom: without(bom, "github.com/two/b"), "component_omitted", "github.com/two/b"),
    "a crate omitted": (lambda bom: without(bom, "rusty"), "file_unclaimed", "/usr/local/bin/rusty"),
    "an archive omitted": (lambda bom: without(bom, "app"), "component_omitted", "app"),
    "a gem omitted": (lambda bom: without(bom, "rack"), "component_omitted", "rack"),
    "a package of Composer omitted": (lambda bom: without(bom, "psr/log"), "component_omitted", "psr/log"),
    "another version of a crate": (
        lambda bom: other(bom, "serde", "pkg:cargo/serde@1.0.199"),
        "version_differs",
        "serde",
    ),
    "another version of an inner archive": (
        lambda bom: other(bom, "core", "pkg:maven/org.example/core@2"),
        "version_differs",
        "core",
    ),
    "another version of a gem": (lambda bom: other(bom, "rack", "pkg:gem/rack@2.2.7"), "version_differs", "rack"),
}


@pytest.mark.parametrize("case", UNTRUE)
def test_each_untruth_is_found_and_nothing_else(languages: Path, case: str) -> None:
    edit, kind, name = UNTRUE[case]
    bom = edit(made(languages))
    if case == "a crate omitted":  # the file itself is listed, too
        bom = without(bom, "/usr/local/bin/rusty")
    assert [(one.kind, one.name) for one in truth_of(bom, languages).differences] == [(kind, name)]


def component(purl: str, name: str, version: str) -> Component:
    return Component(f"more:{name}", name, version, purl=purl)


def test_a_module_that_no_program_has(languages: Path) -> None:
    bom = made(languages)
    ghost = component("pkg:golang/example.org/ghost@v1.0.0", "example.org/ghost", "v1.0.0")
    found = truth_of(replace(bom, components=(*bom.components, ghost)), languages)
    assert [(one.kind, one.name) for one in found.differences] == [("component_absent", "example.org/ghost")]


def test_programs_that_do_not_name_their_modules_leave_it_open(languages: Path) -> None:
    write_program(languages, "/usr/local/bin/tool", go_program("path\texample.org/silent\n"))
    bom = made(languages)
    ghost = component("pkg:golang/example.org/ghost@v1.0.0", "example.org/ghost", "v1.0.0")
    found = truth_of(replace(bom, components=(*bom.components, ghost)), languages)
    assert found.verdict == "unknown"
    assert [(one.what, one.why) for one in found.unknown] == [
        ("golang components", "1 Go programs do not name their modules: /usr/local/bin/tool")
    ]


def test_crates_and_projects_that_nothing_shows_are_unknown(languages: Path) -> None:
    bom = made(languages)
    more = (
        component("pkg:cargo/ghost@1.0.0", "ghost", "1.0.0"),
        component("pkg:maven/g/shaded@1", "shaded", "1"),
    )
    found = truth_of(replace(bom, components=(*bom.components, *more)), languages)
    assert found.verdict == "unknown"
    assert [one.count for one in found.unknown] == [1, 1]


def test_a_document_of_packages_and_files_need_not_name_parts(languages: Path) -> None:
    bom = made(languages)
    kinds = ("pkg:golang/", "pkg:cargo/")
    kept = tuple(
        one for one in bom.components if not (one.purl or "").startswith(kinds) and one.name not in ("core", "merged")
    )
    found = truth_of(replace(bom, components=kept), languages)
    assert found.verdict == "true", found.to_json()


def test_archives_may_be_listed_as_files(languages: Path) -> None:
    bom = made(languages)
    app = named(bom, "app")
    kept = tuple(one for one in bom.components if one.name not in ("app", "core", "plain", "merged"))
    files = (
        Component("file:1", "app-1.5.jar", type="file", hashes={"sha256": app.hashes["sha256"]}),
        Component("file:2", "/opt/app/plain.jar", type="file"),
    )
    assert truth_of(replace(bom, components=(*kept, *files)), languages).differences == ()


def test_an_archive_without_coordinates_may_have_another_name(languages: Path) -> None:
    found = truth_of(without(made(languages), "plain", "merged"), languages)
    assert found.differences == ()
    assert [(one.what, one.examples) for one in found.unknown] == [("Java archives", ("/opt/app/plain.jar",))]


def test_one_module_main_claims_its_program(languages: Path) -> None:
    bom = without(made(languages), "/usr/local/bin/tool")
    assert truth_of(bom, languages).verdict == "true"
    evil = without(bom, "example.org/tool", "github.com/one/a", "github.com/two/b", "stdlib")
    assert ("file_unclaimed", "/usr/local/bin/tool") in [
        (one.kind, one.name) for one in truth_of(evil, languages).differences
    ]


def test_versions_in_the_spelling_of_other_generators(languages: Path) -> None:
    bom = made(languages)
    spelled = tuple(
        replace(one, version=f"go{one.version}", purl=None if one.purl is None else one.purl.replace("@1.", "@v1."))
        if one.name == "stdlib"
        else replace(one, version="1.1.4", purl="pkg:composer/psr/log@1.1.4")
        if one.name == "psr/log"
        else one
        for one in bom.components
    )
    assert truth_of(replace(bom, components=spelled), languages).verdict == "true"


def test_one_python_distribution_in_two_places_keeps_the_files_of_both(tmp_path: Path) -> None:
    root = debian(tmp_path / "root")
    for place in ("/opt/a", "/opt/b"):
        folder = f"{place}/lib/python3.11/site-packages"
        write_program(root, f"{folder}/fast/_fast.so", elf({".data": place.encode()}))
        build(
            root,
            {
                f"{folder}/fast-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: fast\nVersion: 1.0\n\n",
                f"{folder}/fast-1.0.dist-info/RECORD": "fast/_fast.so,,\n",
            },
        )
    bom = made(root)
    assert named(bom, "fast").properties["assay:places"].count("METADATA") == 2
    assert [one.name for one in bom.components if one.type == "file"] == []
    assert truth_of(bom, root).verdict == "true"


@pytest.mark.parametrize(
    ("path", "content", "what"),
    [
        ("/opt/x.jar", b"PK\3\4 nothing", "Java archives"),
        ("/var/lib/gems/specifications/x-1.gemspec", b"nothing", "Ruby gems"),
        ("/srv/vendor/composer/installed.json", b"[", "Composer packages"),
        ("/srv/vendor/composer/installed.json", b'{"packages": [{"name": 1}]}', "Composer packages"),
        ("/usr/bin/go", elf({".go.buildinfo": inline_blob("", "x")}), "Go programs"),
        ("/usr/bin/rust", elf({".dep-v0": b"nothing"}), "Rust programs"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path: Path, path: str, content: bytes, what: str) -> None:
    root = debian(tmp_path)
    write_program(root, path, content)
    assert [one.what for one in made(root).dropped] == [what]
