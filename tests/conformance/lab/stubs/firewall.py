"""firewall-cmd and firewall-offline-cmd on zone files; nmcli on connection profiles. Runtime changes are dropped."""

import os
import sys
import xml.etree.ElementTree as ElementTree

ETC, USR, CONF = "/etc/firewalld/zones", "/usr/lib/firewalld/zones", "/etc/firewalld/firewalld.conf"
PROFILES = "/etc/NetworkManager/system-connections"


def default_zone() -> str:
    """DefaultZone of firewalld.conf."""
    with open(CONF) as lines:
        return next((line.partition("=")[2].strip() for line in lines if line.startswith("DefaultZone=")), "public")


def zone_file(zone: str) -> ElementTree.Element | None:
    """The zone as configured."""
    for folder in (ETC, USR):
        if os.path.exists(f"{folder}/{zone}.xml"):
            return ElementTree.parse(f"{folder}/{zone}.xml").getroot()
    return None


def firewall(words: list[str]) -> int:
    """Permanent changes, and the queries that scripts make."""
    offline = os.environ["LAB_NAME"] == "firewall-offline-cmd"
    given = {word.partition("=")[0]: word.partition("=")[2] for word in words}
    if "--set-default-zone" in given:
        with open(CONF) as stream:
            lines = [line for line in stream if not line.startswith("DefaultZone=")]
        with open(CONF, "w") as stream:
            stream.writelines([*lines, f"DefaultZone={given['--set-default-zone']}\n"])
        return 0
    if "--get-default-zone" in given:
        print(default_zone())
        return 0
    if "--get-active-zones" in given:
        print(f"{default_zone()} (default)\n  interfaces: eth0")
        return 0
    if "--state" in given:
        print("running")
        return 0
    if "--new-zone" in given:
        return save(given["--new-zone"], ElementTree.ElementTree(ElementTree.Element("zone")))
    if "--delete-zone" in given:
        os.unlink(f"{ETC}/{given['--delete-zone']}.xml")
        return 0
    if not offline and "--permanent" not in given:
        return 0
    zone = given.get("--zone") or default_zone()
    root = zone_file(zone)
    if root is None:
        print("Error: INVALID_ZONE", file=sys.stderr)
        return 112
    edit(root, given)
    return save(zone, ElementTree.ElementTree(root))


def edit(root: ElementTree.Element, given: dict[str, str]) -> None:
    """Add and remove services, interfaces, sources, rich rules; set the target."""
    for kind, key in (("service", "name"), ("interface", "name"), ("source", "address")):
        if f"--add-{kind}" in given:
            ElementTree.SubElement(root, kind, {key: given[f"--add-{kind}"]})
        for child in list(root):
            if f"--remove-{kind}" in given and child.tag == kind and child.get(key) == given[f"--remove-{kind}"]:
                root.remove(child)
    if "--set-target" in given:
        root.set("target", given["--set-target"])
    if "--add-rich-rule" in given:
        root.append(rich(given["--add-rich-rule"]))
    if "--remove-rich-rule" in given:
        unwanted = ElementTree.tostring(rich(given["--remove-rich-rule"]))
        for child in list(root):
            if ElementTree.tostring(child).strip() == unwanted:
                root.remove(child)


def rich(text: str) -> ElementTree.Element:
    """The element of a rich rule with source, destination and an action."""
    rule = ElementTree.Element("rule")
    place, invert = rule, False
    for word in text.split()[1:]:
        key, equals, value = word.partition("=")
        if key in ("accept", "drop", "reject"):
            ElementTree.SubElement(rule, key)
        elif key in ("source", "destination") and not equals:
            place = ElementTree.SubElement(rule, key)
        elif key in ("not", "NOT"):
            invert = True
        elif equals:
            place.set(key, value.strip("\"'"))
            if invert:
                place.set("invert", "True")
                invert = False
    return rule


def save(zone: str, tree: ElementTree.ElementTree) -> int:
    """Write the zone below /etc."""
    os.makedirs(ETC, exist_ok=True)
    tree.write(f"{ETC}/{zone}.xml", encoding="unicode", xml_declaration=False)
    return 0


def nmcli(words: list[str]) -> int:
    """List the connections, show or change the zone of one."""
    if "modify" in words:
        place = words.index("modify")
        return modify(words[place + 1], words[place + 3])
    for name in sorted(os.listdir(PROFILES)) if os.path.isdir(PROFILES) else []:
        with open(f"{PROFILES}/{name}") as lines:
            found = dict(line.strip().split("=", 1) for line in lines if "=" in line)
        if "show" in words and found.get("uuid") in words:
            print(f"connection.zone: {found.get('zone', '--')}")
        elif "show" not in words:
            print(f"{found.get('uuid')}:802-3-ethernet")
    return 0


def modify(uuid: str, zone: str) -> int:
    """Set connection.zone."""
    for name in sorted(os.listdir(PROFILES)):
        with open(f"{PROFILES}/{name}") as stream:
            lines = [line for line in stream if not line.startswith("zone=")]
        if f"uuid={uuid}\n" not in lines:
            continue
        if zone:
            lines.insert(lines.index("[connection]\n") + 1, f"zone={zone}\n")
        with open(f"{PROFILES}/{name}", "w") as stream:
            stream.writelines(lines)
    return 0


sys.exit((nmcli if os.environ["LAB_NAME"] == "nmcli" else firewall)(sys.argv[1:]))
