"""firewalld's files, and firewalld's own offline tool as the oracle of the zones it ships."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.firewalld_xml import RichRule, conf, direct, opening, service

EVERYTHING = """<?xml version="1.0" encoding="utf-8"?>
<zone target="DROP" version="1">
  <short>x</short> <description>y</description>
  <interface name="eth0"/> <source address="10.0.0.0/8"/> <source ipset="set"/>
  <service name="ssh"/> <service name="ssh"/>
  <port port="1-2" protocol="udp"/> <protocol value="ah"/> <source-port port="5" protocol="tcp"/>
  <icmp-block name="redirect"/> <icmp-block-inversion/> <masquerade/> <forward/>
  <forward-port port="80" protocol="tcp" to-port="8080" to-addr="192.0.2.1"/>
  <rule family="ipv4" priority="-3">
    <source address="127.0.0.1"/> <destination address="127.0.0.1" invert="True"/>
    <log prefix="a"><limit value="1/s"/></log> <drop/>
  </rule>
  <rule><service name="http"/><audit/><accept/></rule>
  <rule><forward-port port="1" protocol="tcp" to-port="2"/></rule>
  <unknown/>
</zone>
"""


def test_every_element_of_a_zone() -> None:
    found = opening(EVERYTHING, "zone")
    assert found.target == "DROP"
    assert (found.interfaces, found.sources) == (["eth0"], ["10.0.0.0/8", "ipset:set"])
    assert (found.services, found.ports, found.protocols) == (["ssh"], ["1-2/udp"], ["ah"])
    assert (found.source_ports, found.icmp_blocks) == (["5/tcp"], ["redirect"])
    assert found.forward_ports == ["80/tcp to 8080 at 192.0.2.1"]
    assert (found.masquerade, found.forward, found.icmp_block_inversion) == (True, True, True)
    assert found.rich_rules == [
        RichRule("ipv4", -3, "127.0.0.1", False, "127.0.0.1", True, None, "drop"),
        RichRule(None, 0, None, False, None, False, "service http", "accept"),
        RichRule(None, 0, None, False, None, False, "forward-port 1/tcp to 2", None),
    ]
    assert found.ignored == ["<unknown>"]


def test_a_zone_without_target_has_the_default_one() -> None:
    assert opening("<zone/>", "zone").target == "default"
    assert opening('<zone target=""/>', "zone").target == "default"
    assert opening("<policy/>", "policy").target == "CONTINUE"


@pytest.mark.parametrize(
    "rule",
    [
        '<rule family="ipv5"><accept/></rule>',
        "<rule><accept/><drop/></rule>",
        '<rule><service name="a"/><service name="b"/><accept/></rule>',
        '<rule><source address="a"/><source address="b"/><accept/></rule>',
        "<rule><source/><accept/></rule>",
        "<rule><surprise/><accept/></rule>",
    ],
)
def test_a_rule_that_firewalld_drops_is_marked(rule: str) -> None:
    found = opening(f"<zone>{rule}</zone>", "zone")
    assert (found.rich_rules, found.ignored) == ([], ["<rule>"])


@pytest.mark.parametrize(
    "source", ["<source/>", '<source address="a" ipset="b"/>', '<source address="a" invert="yes"/>']
)
def test_a_source_that_firewalld_drops_is_marked(source: str) -> None:
    assert opening(f"<zone>{source}</zone>", "zone").ignored == ["<source>"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<zone>",
        "<policy/>",
        '<zone target="drop"/>',
        '<zone><service nam="ssh"/></zone>',
        '<zone><port port="1"/></zone>',
        '<zone><rule priority="x"><accept/></rule></zone>',
        "<!DOCTYPE zone><zone/>",
        '<!DOCTYPE z [<!ENTITY a "aaaa">]><zone>&a;</zone>',
        "\udc80<zone/>",
        "<zone>" + "<a/>" * 20_001 + "</zone>",
        "<zone>" + " " * 2_000_000 + "</zone>",
    ],
)
def test_malformed_zones(text: str) -> None:
    with pytest.raises(ParseError):
        opening(text, "zone")


def test_services() -> None:
    found = service(
        '<service><port port="22" protocol="tcp"/><port protocol="gre"/><protocol value="ah"/>'
        '<source-port port="5" protocol="udp"/><include service="x"/><module name="m"/></service>'
    )
    assert (found.ports, found.protocols) == (("22/tcp",), ("gre", "ah"))
    assert (found.source_ports, found.includes) == (("5/udp",), ("x",))
    with pytest.raises(ParseError):
        service('<service><port port="22"/></service>')


def test_direct_rules() -> None:
    text = (
        '<direct><chain ipv="ipv4" table="raw" chain="x"/>'
        '<rule ipv="ipv4" table="filter" chain="INPUT" priority="0">-j\n ACCEPT</rule></direct>'
    )
    assert list(direct(text)) == [("chain", "ipv4", "raw x", ""), ("rule", "ipv4", "filter INPUT", "-j ACCEPT")]


def test_the_first_value_of_a_key_wins_and_bad_lines_are_skipped() -> None:
    text = "; x\nDefaultZone = a\nDefaultZone=b\nLockdown=\nNoSuchKey=1\nLogDenied=a=b\nnothing\n"
    assert conf(text) == {"DefaultZone": ("a", 2)}


# ---- the oracle ------------------------------------------------------------------------------------------------------

SHIPPED = Path("/usr/lib/firewalld/zones")


def test_the_same_as_firewalld_for_the_zones_it_ships(tmp_path: Path) -> None:
    if shutil.which("firewall-offline-cmd") is None:
        pytest.skip("firewalld is not installed: make test installs it")
    (tmp_path / "zones").mkdir()
    (tmp_path / "zones/everything.xml").write_text(EVERYTHING.replace("<unknown/>", ""))
    for path in [*sorted(SHIPPED.glob("*.xml")), tmp_path / "zones/everything.xml"]:
        done = subprocess.run(
            ["firewall-offline-cmd", "--system-config", tmp_path, f"--info-zone={path.stem}"],
            capture_output=True,
            text=True,
            check=False,
        )
        if "not root" in (done.stdout + done.stderr):
            pytest.skip("firewall-offline-cmd works for root only")
        said = dict(line.strip().partition(": ")[::2] for line in done.stdout.splitlines() if ": " in line)
        found = opening(path.read_text(), "zone")
        assert said["target"] == found.target, path
        assert said.get("services", "").split() == sorted(found.services), path
        assert said.get("ports", "").split() == found.ports, path
        assert said.get("interfaces", "").split() == found.interfaces, path
        assert said.get("sources", "").split() == found.sources, path
        assert said["forward"] == ("yes" if found.forward else "no"), path
        assert said["masquerade"] == ("yes" if found.masquerade else "no"), path
