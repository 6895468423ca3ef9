"""What a made document says of itself: its author, who supplies the system, and what is not known."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from scanner.cli.main import app
from scanner.model.errors import UsageError
from scanner.supply_chain.checking import Check, check
from scanner.supply_chain.loading.opening import open_bom
from scanner.supply_chain.making.cyclonedx_writer import to_cyclonedx
from scanner.supply_chain.making.documents import make
from scanner.supply_chain.making.parties import Parties, Party, party
from scanner.supply_chain.making.spdx_writer import to_spdx
from scanner.supply_chain.model import Bom
from scanner.target.tree import TreeTarget
from tests.small_systems import CLOCK, debian, named, program, write_program
from tests.support import build

RUN = CliRunner()
NAMED = Parties(Party("Example Ltd", "sbom@example.com"), Party("Vendor", "https://vendor.example"))


def made_by(root: Path, parties: Parties) -> Bom:
    target = TreeTarget(root)
    try:
        return make(target, CLOCK, parties=parties)
    finally:
        target.close()


def checked(data: bytes) -> Check:
    return check(open_bom(data, "made"), data)


def states(result: Check, list_id: str) -> dict[str, str]:
    (found,) = [one for one in result.lists if one.id == list_id]
    return {field.id: field.state for field in found.fields} | {"": found.state}


def test_with_author_and_supplier_the_lists_are_met_as_far_as_facts_go(tmp_path: Path) -> None:
    root = debian(tmp_path)
    write_program(root, "/usr/local/bin/own", program("own"))
    build(root, {"/usr/lib/firmware/chip.bin": b"firmware"})
    result = checked(to_cyclonedx(made_by(root, NAMED)))
    cisa = states(result, "cisa-2026")
    assert cisa[""] == "unknown_stated"
    assert {name for name, state in cisa.items() if state == "unknown_stated"} == {
        *("", "producer", "version", "hash", "hash-algorithm", "licence"),
    }
    assert cisa["author-signature"] == "not_checked"
    assert not {"missing", "partly"} & set(cisa.values())
    ntia = states(result, "ntia-2021")
    assert {name for name, state in ntia.items() if state not in ("met",)} == {"", "supplier", "version"}
    lacking = {one.name for one in result.lists[1].fields[2].examples}
    assert lacking == {"PyYAML", "Some_Thing", "/usr/local/bin/own", "chip.bin"}


def test_a_plain_system_meets_the_elements_of_2021(tmp_path: Path) -> None:
    root = build(
        tmp_path,
        {
            "/var/lib/dpkg/status": "Package: a\nStatus: install ok installed\nVersion: 1\nArchitecture: all\n"
            "Maintainer: M <m@example.org>\n",
            "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
            "/usr/bin/.keep": "",
            "/bin/.keep": "",
            "/boot/.keep": "",
        },
    )
    assert states(checked(to_cyclonedx(made_by(root, NAMED))), "ntia-2021")[""] == "met"
    assert states(checked(to_spdx(made_by(root, NAMED))), "ntia-2021")[""] == "met"


@pytest.mark.parametrize("write", [to_cyclonedx, to_spdx])
def test_without_author_the_check_says_so(tmp_path: Path, write: object) -> None:
    data = (to_cyclonedx if write is to_cyclonedx else to_spdx)(made_by(debian(tmp_path), Parties()))
    result = checked(data)
    assert states(result, "ntia-2021")["author"] == "missing"
    assert states(result, "cisa-2026")["author"] == "missing"
    assert states(result, "cisa-2026")["tool"] == "met"
    assert b"SBOM Author" in data


def test_author_and_supplier_in_both_formats(tmp_path: Path) -> None:
    bom = made_by(debian(tmp_path), NAMED)
    loaded, other = open_bom(to_cyclonedx(bom), "a"), open_bom(to_spdx(bom), "b")
    assert (loaded.authors, other.authors) == (("Example Ltd <sbom@example.com>",), ("Example Ltd",))
    subject = next(one for one in loaded.components if one.ref == loaded.subject)
    assert (subject.supplier, subject.properties["assay:contact:manufacturer"]) == ("Vendor", "https://vendor.example")
    assert loaded.lifecycle == "post-build"
    assert bom.serial != made_by(tmp_path, Parties()).serial


def test_what_is_not_known_is_said_component_by_component(tmp_path: Path) -> None:
    root = debian(tmp_path)
    write_program(root, "/usr/local/bin/own", program("own"))
    bom = made_by(root, Parties())
    assert named(bom, "alpha").properties["assay:unknown"] == "Component Hash Value"
    assert named(bom, "beta").properties["assay:unknown"] == "Component Hash Value; Component License"
    own = named(bom, "/usr/local/bin/own").properties
    assert own["assay:unknown"] == "Component Producer; Component Version; Component License"
    loaded = named(open_bom(to_cyclonedx(bom), "x"), "/usr/local/bin/own")
    assert loaded.properties["assay:swhid"] == own["assay:swhid"]


def test_the_identifier_of_a_file_is_the_one_of_git(tmp_path: Path) -> None:
    """`git hash-object` of the three bytes `abc`, as every git says it."""
    root = debian(tmp_path)
    build(root, {"/usr/lib/firmware/abc.bin": b"abc"})
    found = named(made_by(root, Parties()), "abc.bin").properties["assay:swhid"]
    assert found == "swh:1:cnt:f2ba8f84ab5c1bce84a7b441cb1959cfc7093b7f"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Example Ltd", Party("Example Ltd")),
        (" Example  <a@b.example> ", Party("Example", "a@b.example")),
        ("Ümlaut GmbH <https://b.example/x>", Party("Ümlaut GmbH", "https://b.example/x")),
        ("", None),
    ],
)
def test_names_of_parties(text: str, wanted: Party | None) -> None:
    assert party(text) == wanted


@pytest.mark.parametrize("text", ["<a@b>", "A <b>", "A <a@b> c", "A\nB", "x" * 600, "A <a@b c@d>", " "])
def test_what_is_no_name_of_a_party(text: str) -> None:
    with pytest.raises(UsageError):
        party(text)


def test_the_command(tmp_path: Path) -> None:
    root, out = debian(tmp_path / "root"), tmp_path / "sbom.json"
    base = ["sbom", "make", str(root), "-o", f"cyclonedx={out}", "--clock", CLOCK]
    plain = RUN.invoke(app, base)
    assert (plain.exit_code, "nobody is named as author" in plain.output) == (0, True)
    given = RUN.invoke(app, [*base, "--author", "Example <a@b.example>", "--supplier", "Vendor"])
    assert (given.exit_code, "nobody is named as author" in given.output) == (0, False)
    found = RUN.invoke(app, ["sbom", "check", str(out), "--fail-on", "cisa-2026"])
    assert found.exit_code == 3
    assert "version 2.1 of 29 July 2026" in found.output
    assert "stated as unknown" in found.output
    assert isinstance(RUN.invoke(app, [*base, "--author", "<>"]).exception, UsageError)
