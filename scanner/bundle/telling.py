"""What tells outsiders who and where: names, addresses and serial numbers in texts, found by their form.

Marks of the facts say which fields hold a name; these patterns find what stands elsewhere, in command lines, paths and
free text. Constants of standards (types of partitions, owners of well-known keys), loopback and netmasks tell nothing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterator
from functools import cache

from scanner.bundle.spellings import unescaped

__all__ = ["NO_HOST", "PUBLIC", "by_form", "named"]


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


PUBLIC = _words(
    """
    * - all any none no yes true false default local self enable disable on off auto root nobody nogroup nfsnobody
    wheel users user group host address sudo admin adm localhost localhost.localdomain localdomain bin daemon sys sync
    shutdown halt operator games man lp mail mailnull news uucp proxy www www-data backup list irc gnats nginx apache
    postfix postdrop postgres mysql mariadb redis named bind unbound dns ntp chrony dnsmasq sshd ssh sssd polkitd
    polkit dbus messagebus tss gdm gdm-greeter gnome-initial-setup lightdm sddm rpc rpcuser rpcbind colord flatpak
    geoclue pipewire pulse rtkit rtkit-daemon saslauth saned setroubleshoot clevis libstoragemgmt cockpit-ws
    cockpit-wsinstance systemd-network systemd-resolve systemd-timesync systemd-coredump systemd-oom systemd-journal
    systemd-journal-remote systemd-bus-proxy qemu kvm render video audio cdrom disk dialout floppy input kmem lock
    tape tty utmp utempter usbmuxd usbguard fapolicyd avahi ftp squid syslog rsyslog tcpdump wbpriv printadmin plugdev
    netdev staff shadow src sgx cgred dip voice fax crontab ssh_keys slocate screen klog cron at guest greeter sasl
    cyrus dovecot dovenull nut nscd nslcd ldap uuidd whoopsie tmpfs empty nonexistent postmaster mailer-daemon abuse
    hostmaster webmaster noc security info marketing sales support newsadm newsadmin usenet ftp-adm ftp-admin decode
    dumper ingres system toor manager ops office pcap netdump no-reply noreply pool time mirror mirrors repo repos
    repository download downloads smtp imap pop ipv4 ipv6 files implicit_files shadowutils com org net example
    invalid-user localaddress localport rdomain exec canonical final originalhost sessiontype version command tagged
    registry docker quay
    """
)
"""Words that name nobody: accounts that systems and their services have, mailboxes of RFC 2142, words of settings."""

NO_HOST = _words("localhost localhost.localdomain localdomain * - all any none default local self")
"""What stands for any host, or for this one. A host that is called `mail` is hidden where it is named as a host."""

_CONSTANT = _words(
    """
    8be4df61-93ca-11d2-aa0d-00e098032b8c d719b2cb-3d3a-4596-a3bc-dad00e67656f 77fa9abd-0359-4d32-bd60-28f4e78f784b
    605dab50-e046-4300-abb6-3dd810dd8b23 4a67b082-0a4c-41cf-b6c7-440b29bb8c4f c12a7328-f81f-11d2-ba4b-00a0c93ec93b
    bc13c2ff-59e6-4262-a352-b275fd6f7172 0fc63daf-8483-4772-8e79-3d69d8477de4 0657fd6d-a4ab-43c4-84e5-0933c84b4f4f
    e6d6d379-f507-44c2-a23c-238f2a3df928 a19d880f-05fc-4d3b-a006-743f0f84911e ca7d7ccb-63ed-4c53-861c-1742536059cc
    933ac7e1-2eb4-4f13-b844-0e14e2aef915 3b8f8425-20e0-4f3b-907f-1a25a76f98e8 4d21b016-b534-45c2-a9fb-5c16e091fd2d
    7ec6f557-3bc5-4aca-b293-16ef5df639d1 4f68bce3-e8cd-4db1-96e7-fbcaf984b709 2c7357ed-ebd2-46d9-aec1-23d437ec2bf5
    41092b05-9fc8-4523-994f-2def0408b176 8484680c-9521-48c6-9c11-b0720656f69e 77ff5f63-e7b6-4633-acf4-1565b864c0e6
    e7bb33fb-06cf-4e81-8273-e543b413e2e2 b921b045-1df0-41c3-af44-4c6f280d3fae df3300ce-d69f-4c92-978c-9bfb0f38d820
    6db69de6-29f4-4758-a7a5-962190f00ce3 b0e01050-ee5f-4390-949a-9101b17104e9 e3c9e316-0b5c-4db8-817d-f92df00215ae
    ebd0a0a2-b9e5-4433-87c0-68b6b72699c7 21686148-6449-6e6f-744e-656564454649 c1c41626-504c-4092-aca9-41f936934328
    a5c059a1-94e4-4aa7-87b5-ab155c2bf072 00000000-0000-0000-0000-000000000000
    """
)
"""UEFI 2.10 (variables, signature types), the owners of Microsoft's and shim's keys, types of partitions of UAPI."""

_UUID = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}(?![0-9A-Za-z])", re.I)
_MACHINE = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])")
_VOLUME = re.compile(r"UUID=[\"']?([0-9A-Za-z-]{4,})", re.I)
_BY_ID = re.compile(r"/dev/disk/by-(?:id|uuid|partuuid)/([^\s\"',:]+?)(?:-part\d+)?(?=[\s\"',:]|$)")
_USB = re.compile(r"(?<![\w-])(?:serial|hash|parent-hash)\b[^\"]{0,40}((?:\"[^\"]+\"\s*)+)")
_MAC = re.compile(
    r"(?<![0-9A-Za-z])(?<!(?<![0-9a-z])[0-9a-f]{2}:)[0-9a-f]{2}(?::[0-9a-f]{2}){5}(?![0-9A-Za-z]|:[0-9a-f])", re.I
)
_IPV4 = re.compile(r"(?<![0-9A-Za-z.])(?:\d{1,3}\.){3}\d{1,3}(?![0-9A-Za-z]|\.\d)")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![0-9A-Za-z:])", re.I)
_WHOLE = re.compile(r"(?:\d{1,3}\.){3}\d{1,3}(?:/\d+|:\d+)?")
_HOME = re.compile(r"/home/([^/\s:\"'\\,;*?$%{}\[\]()<>|&]+)")
_BOOT_HOST = re.compile(
    r"(?:^|[\s=])[^\s:=]*:[^\s:]*:[^\s:]*:[\d.]*:([^\s:]+):[^\s:]*:(?:none|off|on|any|both|dhcp6?|auto6|ibft|static)\b"
)
_HOST = re.compile(r"(?:systemd\.hostname|kernel\.(?:hostname|domainname))=[\"']?([^\s\"']+)|(?:^|\s)domain/([^\s/]+)")
_FQDN = re.compile(r"(?<![\w.-])[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.[a-z]{2,}(?![\w-])", re.I)
_DECORATION = "%!+@#&\"'()[]{}<>,;"
_BLOCKS = frozenset({"10.0.0.0", "172.16.0.0", "192.168.0.0", "fc00::", "fd00::", "fe80::"})
_PRIVATE = tuple(
    ipaddress.ip_network(one) for one in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10")
)
_GLOBAL6 = ipaddress.ip_network("2000::/3")


def by_form(text: str, words: Collection[str], version: bool = False) -> Iterator[str]:
    """What in any text tells by its form alone. `version`: the text states versions, so four numbers are no address."""
    for one in {text, unescaped(text)}:
        if "serial" in words:
            yield from _serials(one)
        if "address" in words and not version:
            yield from _addresses(one, sure=False)
        if "user" in words and "/home/" in one:
            yield from _HOME.findall(one)
        if "host" in words:
            for pair in _HOST.findall(one):
                yield from _hosts(next(filter(None, pair)))
            for name in _BOOT_HOST.findall(one):
                yield from _hosts(name)


def named(text: str, word: str) -> Iterator[str]:
    """What a text names that a mark says to name something: `word` says what."""
    yield from _NAMED[word](text)


def _serials(text: str) -> Iterator[str]:
    yield from (one for one in _UUID.findall(text) if one.lower() not in _CONSTANT)
    yield from (one for one in _MACHINE.findall(text) if len(set(one)) > 1 and _dashed(one) not in _CONSTANT)
    yield from (one for one in _VOLUME.findall(text) if one.lower() not in _CONSTANT)
    yield from (one for one in _BY_ID.findall(text) if one.lower() not in _CONSTANT)
    for quoted in _USB.findall(text):
        yield from re.findall(r"\"([^\"]+)\"", quoted)


def _dashed(text: str) -> str:
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:])).lower()


def _serial(text: str) -> Iterator[str]:
    found = list(_serials(text))
    yield from found
    if not found and not any(mark in text for mark in ' "') and text.lower() not in _CONSTANT:
        yield text


def _addresses(text: str, sure: bool = True) -> Iterator[str]:
    """Addresses that tell something. Not `sure`: of a text about anything, so only what can be no version."""
    yield from (one for one in _MAC.findall(text) if len(set(one.lower())) > 2)
    whole = sure or _WHOLE.fullmatch(text.strip()) is not None
    for one in (*_IPV4.findall(text), *_IPV6.findall(text)):
        place = _place(one)
        if place is None or not (whole or any(place in net for net in _PRIVATE) or place in _GLOBAL6):
            continue
        yield one


@cache
def _place(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address, unless it says nothing of a place: loopback, unspecified, multicast, netmasks, whole blocks."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    said = not (found.is_loopback or found.is_unspecified or found.is_multicast or found.is_reserved)
    return found if said and text.lower() not in _BLOCKS and not text.startswith(("255.", "0.")) else None


def _hosts(text: str) -> Iterator[str]:
    """A host, or a URL or list of them: as it stands, each host in it, its first label, and the domains it is in."""
    if "$" not in text and not text.startswith(("/", "file:")) and not _IPV4.fullmatch(text):
        yield text
    yield from _addresses(text)
    for piece in re.split(r"[\s,;]+", text):
        shared = re.match(r"//([^/]+)/|([^/:]+):/(?!/)", piece)  # a share of CIFS or NFS
        if shared:
            yield shared[1] or shared[2]
        host = (piece.partition("://")[2] or piece).removeprefix("//").partition("/")[0].rpartition("@")[2]
        host = re.sub(r":\d*$", "", host.strip(_DECORATION)).strip(_DECORATION)
        yield from _names(host.removeprefix("*.").strip("."))


def _names(host: str) -> Iterator[str]:
    if not _FQDN.fullmatch(host):
        return
    labels = host.split(".")
    yield host
    if len(labels) > 2:
        yield labels[0]
    yield from (".".join(labels[at:]) for at in range(1, len(labels) - 1))


def _people(text: str) -> Iterator[str]:
    """Names of people in a list of them, in a mail address, in a path to what is theirs."""
    for piece in re.split(r"[\s,;]+", text):
        piece = piece.rpartition("unix-user:")[2].rpartition("unix-group:")[2].rpartition("\\")[2].strip(_DECORATION)
        if piece.startswith("/"):
            yield from filter(None, [piece.rstrip("/").rpartition("/")[2]] if not _home(piece) else [_home(piece)])
        elif piece and not piece.startswith(("|", ":", "-:")) and not re.fullmatch(r"[\d:.*?/-]+", piece):
            local, at, domain = piece.partition("@")
            yield piece
            if at:
                yield from (local, *_names(domain))


def _home(path: str) -> str:
    found = _HOME.match(path)
    return found[1] if found else ""


_NAMED = {"host": _hosts, "address": _addresses, "serial": _serial, "user": _people}
