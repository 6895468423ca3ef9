"""firewalld's facts over small trees, and over the files that firewalld itself ships."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.model.fact import Fact
from tests.support import Content, build, fact_of, facts_of

CONF = "/etc/firewalld/firewalld.conf"
USR = "/usr/lib/firewalld/zones"
ETC = "/etc/firewalld/zones"
PUBLIC = '<zone><service name="ssh"/><service name="dhcpv6-client"/><forward/></zone>'
DROP = '<zone target="DROP"/>'


def zone(fact: Fact, name: str) -> dict[str, object]:
    assert fact.state == "present", fact.reason
    found: dict[str, object] = next(row for row in fact.value if row["name"] == name)
    return found


ALL = ("config", "zones", "default_zone", "policies", "services", "direct")


def test_absent(tmp_path: Path) -> None:
    facts = facts_of(build(tmp_path, {"/etc": None}), [f"firewalld.{name}" for name in ALL])
    assert {fact.state for fact in facts.values()} == {"absent"}


def test_typical(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        CONF: "DefaultZone=drop\nLockdown=yes\nFirewallBackend=nftables\n",
        f"{USR}/public.xml": PUBLIC,
        f"{USR}/drop.xml": DROP,
    }
    facts = facts_of(build(tmp_path, files), [f"firewalld.{name}" for name in ALL])
    assert facts["firewalld.config"].value["default_zone"] == "drop"
    assert facts["firewalld.config"].value["lockdown"] is True
    default = facts["firewalld.default_zone"].value
    assert (default["target"], default["services"], default["open"], default["used_by"]) == (
        "DROP",
        [],
        [],
        ["default"],
    )
    public = zone(facts["firewalld.zones"], "public")
    assert (public["target"], public["in_use"]) == ("default", False)
    assert public["open"] == ["service dhcpv6-client", "service ssh"]
    assert facts["firewalld.direct"].value == []


def test_the_default_zone_where_none_is_named(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {f"{USR}/public.xml": PUBLIC}), "firewalld.default_zone")
    assert (fact.value["name"], fact.value["target"]) == ("public", "default")


def test_a_default_zone_that_does_not_exist_is_an_error(tmp_path: Path) -> None:
    files: dict[str, Content] = {CONF: "DefaultZone=gone\n", f"{USR}/public.xml": PUBLIC}
    fact = fact_of(build(tmp_path, files), "firewalld.default_zone")
    assert fact.state == "error"
    assert "gone" in str(fact.reason)


def test_the_local_file_replaces_the_shipped_one_entirely(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        CONF: "DefaultZone=drop\n",
        f"{USR}/drop.xml": DROP,
        f"{ETC}/drop.xml": '<zone><port port="22" protocol="tcp"/></zone>',
    }
    value = fact_of(build(tmp_path, files), "firewalld.default_zone").value
    assert value["target"] == "default"
    assert value["ports"] == ["22/tcp"]
    assert (value["source"], value["overrides"]) == (f"{ETC}/drop.xml", f"{USR}/drop.xml")


@pytest.mark.parametrize(
    ("text", "zone_name"),
    [
        ("DefaultZone=a\nDefaultZone=b\n", "a"),
        ("#DefaultZone=b\n DefaultZone = a \n", "a"),
        ("DefaultZone=b=c\nDefaultZone=a\n", "a"),
        ("defaultzone=b\nDefaultZone=\n", "public"),
    ],
)
def test_the_ways_of_the_configuration_file(tmp_path: Path, text: str, zone_name: str) -> None:
    assert fact_of(build(tmp_path, {CONF: text}), "firewalld.config").value["default_zone"] == zone_name


def test_zones_in_use_by_interface_source_and_connection(tmp_path: Path) -> None:
    connections = "/etc/NetworkManager/system-connections"
    files: dict[str, Content] = {
        CONF: "DefaultZone=drop\n",
        f"{USR}/drop.xml": DROP,
        f"{USR}/public.xml": PUBLIC,
        f"{USR}/work.xml": '<zone><interface name="eth1"/><source address="10.0.0.0/8"/></zone>',
        f"{USR}/trusted.xml": '<zone target="ACCEPT"><interface name="lo"/></zone>',
        f"{connections}/a.nmconnection": "[connection]\nid=a\nzone=public\n",
    }
    fact = fact_of(build(tmp_path, files), "firewalld.zones")
    assert zone(fact, "work")["used_by"] == ["interface eth1", "source 10.0.0.0/8"]
    assert zone(fact, "public")["used_by"] == [f"connection {connections}/a.nmconnection"]
    assert zone(fact, "trusted")["in_use"] is False
    assert zone(fact, "trusted")["interfaces"] == ["lo"]


@pytest.mark.parametrize(
    "text",
    [
        "<zone",
        '<!DOCTYPE zone [<!ENTITY a "b">]><zone>&a;</zone>',
        '<zone target="drop"/>',
        "<policy/>",
        '<zone><port port="22"/></zone>',
        "\udcff<zone/>",
    ],
)
def test_a_malformed_zone_leaves_a_gap(tmp_path: Path, text: str) -> None:
    files: dict[str, Content] = {
        f"{USR}/public.xml": PUBLIC,
        f"{ETC}/public.xml": text.encode("utf-8", "surrogateescape"),
        f"{USR}/drop.xml": DROP,
    }
    facts = facts_of(build(tmp_path, files), ["firewalld.zones", "firewalld.default_zone"])
    assert not facts["firewalld.zones"].complete
    assert [row["name"] for row in facts["firewalld.zones"].value] == ["drop"]
    assert facts["firewalld.default_zone"].state == "error"


def test_a_zone_split_over_a_directory_is_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {f"{USR}/drop.xml": DROP, f"{ETC}/drop/a.xml": PUBLIC}
    assert not fact_of(build(tmp_path, files), "firewalld.zones").complete


def test_a_zone_that_is_a_dangling_link_is_a_gap(tmp_path: Path) -> None:
    files: dict[str, Content] = {f"{USR}/drop.xml": DROP, f"{ETC}/drop.xml": ("link", "/nowhere")}
    fact = fact_of(build(tmp_path, files), "firewalld.zones")
    assert not fact.complete
    assert fact.value == []


def test_policies_services_and_direct_rules(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "/usr/lib/firewalld/policies/p.xml": '<policy target="ACCEPT" priority="-5"><ingress-zone name="ANY"/>'
        '<egress-zone name="HOST"/><service name="ssh"/></policy>',
        "/usr/lib/firewalld/services/ssh.xml": '<service><port protocol="tcp" port="22"/></service>',
        "/etc/firewalld/services/ssh.xml": '<service><port protocol="tcp" port="2222"/></service>',
        "/etc/firewalld/direct.xml": '<direct><rule ipv="ipv4" table="filter" chain="INPUT">-j  ACCEPT</rule>'
        '<passthrough ipv="ipv6">-P INPUT ACCEPT</passthrough></direct>',
    }
    facts = facts_of(build(tmp_path, files), [f"firewalld.{name}" for name in ("policies", "services", "direct")])
    policy = facts["firewalld.policies"].value[0]
    assert (policy["target"], policy["priority"], policy["open"]) == ("ACCEPT", -5, ["service ssh"])
    assert facts["firewalld.services"].value[0]["ports"] == ["2222/tcp"]
    assert [(row["kind"], row["arguments"]) for row in facts["firewalld.direct"].value] == [
        ("rule", "-j ACCEPT"),
        ("passthrough", "-P INPUT ACCEPT"),
    ]


def test_malformed_direct_rules_are_an_error(tmp_path: Path) -> None:
    assert fact_of(build(tmp_path, {"/etc/firewalld/direct.xml": "<direct"}), "firewalld.direct").state == "error"
