"""Whether what the system stores is encrypted: the root file system, every mounted volume, and /etc/crypttab.

Sources: proc_pid_mountinfo(5); sysfs-block (ABI); cryptsetup, dm UUIDs; crypttab(5); UAPI Discoverable Partitions.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.boot import luks
from scanner.collectors import block_stack
from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.block_survey import Volume, survey
from scanner.model.errors import NotCollectedError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.parsers import crypttab, mountinfo
from scanner.parsers.mountinfo import Mount

__all__ = ["COLLECTOR"]

_ROOT_FILES = ("/usr/lib/os-release", "/etc/os-release", "/etc/passwd", "/ostree/repo/config")
_RANDOM = ("/dev/urandom", "/dev/random", "/dev/hw_random")


def _mounts(look: Look) -> list[Mount]:
    return block_stack.mount_table(look)[0]


def _root_mount(look: Look) -> Mount:
    """The mount that holds the root file system: / itself, or /sysroot where / is put together from it (composefs)."""
    mounts = look.shared(_mounts)
    hidden = mountinfo.hidden(mounts)
    for target in ("/", "/sysroot"):
        for mount in mounts:
            if mount.target == target and mount.id not in hidden and block_stack.block_backed(mount):
                return mount
    raise NotCollectedError("neither / nor /sysroot lies on a block device")


def _root(look: Look) -> Json:
    mount = _root_mount(look)
    stack = block_stack.of_mount(look, mount)
    return {
        "mount_point": mount.target,
        "device": mount.source,
        "filesystem": mount.type,
        "encryption": stack.encryption,
        "encrypted": stack.encryption != "none",
        "layers": list(stack.layers),
        "partitions": list(stack.leaves),
    }


def _volumes(look: Look) -> Json:
    mounts = look.shared(_mounts)
    hidden = mountinfo.hidden(mounts)
    records: list[dict[str, Json]] = []
    for mount in mounts:
        if not block_stack.block_backed(mount):
            continue
        try:
            stack = block_stack.of_mount(look, mount)
        except TargetError as error:
            look.gap(mount.target, reason_of(error))
            continue
        records.append(
            {
                "mount_point": mount.target,
                "device": mount.source,
                "filesystem": mount.type,
                "encryption": stack.encryption,
                "encrypted": stack.encryption != "none",
                "layers": list(stack.layers),
                "partitions": list(stack.leaves),
                "visible": mount.id not in hidden,
            }
        )
    return sorted(records, key=lambda record: (str(record["mount_point"]), str(record["device"])))


# ---- the root volume on disk -----------------------------------------------------------------------------------------


def _root_volume(look: Look) -> Json:
    """What the headers say about the volume that holds the root, found by how the system runs or by what is on disk."""
    volumes = survey(look)
    if look.is_running:
        leaves = block_stack.of_mount(look, _root_mount(look)).leaves
        own = [volume for volume in volumes if volume.name.replace("/", "!") in leaves]
        if len(own) != len(leaves):
            raise NotCollectedError(f"not every device below the root can be read: {', '.join(leaves)}")
        return _root_record(own, "mounted")
    named = [volume for volume in volumes if volume.partition is not None and volume.partition.type == "root"]
    if named and not any("lvm2" in volume.kinds for volume in named):
        return _root_record(named, "partition type")
    if any(look.sees(path) for path in _ROOT_FILES):
        return _opened(look, volumes) or _nothing("readable without a key")
    encrypted = [volume for volume in volumes if volume.kinds[:1] in (["luks1"], ["luks2"])]
    others = [volume for volume in volumes if volume.is_plain is not False and not _is_boot(volume)]
    if len(encrypted) == 1 and not others:
        return _root_record(encrypted, "only volume")
    raise NotCollectedError("which volume holds the root file system cannot be told")


def _opened(look: Look, volumes: list[Volume]) -> dict[str, Json] | None:
    """The encrypted volume below a root that was read with a key; None when it was read without one."""
    layout = look.target.layout()
    slots = layout.get("slots")
    slots = slots if isinstance(slots, list) else []
    part = next((one["part"] for one in slots if one["name"] == layout.get("slot")), None)
    holding = next((volume for volume in volumes if volume.name == part and volume.type in ("crypt", "lvm")), None)
    if holding is None or holding.encrypted is False:
        return None
    return _root_record(_locked(holding, volumes), "opened with a key")


def _locked(volume: Volume, volumes: list[Volume]) -> list[Volume]:
    """The LUKS volumes that were opened for `volume` to be read. Raises NotCollectedError when one is not known."""
    if volume.type == "crypt":
        # An image target names what it opened after the part that it opened.
        found = [one for one in volumes if one.may_have_luks and f"{one.name.replace(':', '')}-luks" == volume.name]
    else:
        found = [one for below in volume.below or () for one in _locked(below, volumes)]
    if not found:
        raise NotCollectedError(f"which encrypted volume {volume.name} lies on cannot be told")
    return found


def _nothing(found_by: str) -> dict[str, Json]:
    return {
        "devices": [],
        "encryption": "none",
        "fully_encrypted": False,
        "integrity": None,
        "found_by": found_by,
    }


def _is_boot(volume: Volume) -> bool:
    return volume.partition is not None and volume.partition.type in ("esp", "boot", "bios-boot")


def _root_record(volumes: list[Volume], found_by: str) -> dict[str, Json]:
    kinds: set[str] = set()
    whole = True
    integrity: set[str | None] = set()
    for volume in volumes:
        if volume.found is None:
            raise NotCollectedError(f"{volume.name} cannot be read")
        header = luks.read_header(volume.read) if volume.may_have_luks and volume.is_plain is not True else None
        kinds.add(f"luks{header.version}" if header is not None else "none")
        whole = whole and header is not None and header.fully_encrypted
        integrity |= {segment.integrity for segment in header.segments} if header is not None else {None}
    return {
        "devices": sorted(volume.name for volume in volumes),
        "encryption": "none" if "none" in kinds else kinds.pop() if len(kinds) == 1 else "mixed",
        "fully_encrypted": whole,
        "integrity": integrity.pop() if len(integrity) == 1 else None,
        "found_by": found_by,
    }


# ---- crypttab --------------------------------------------------------------------------------------------------------


def _crypttab(look: Look) -> Json:
    text = look.text("/etc/crypttab")
    if text is None:
        look.because("/etc/crypttab does not exist")
        return None
    return [_crypttab_record(line) for line in crypttab.parse(text)]


def _crypttab_record(line: crypttab.Line) -> dict[str, Json]:
    random = line.key_file in _RANDOM
    unlock = [
        word
        for word, option in (("tpm2", "tpm2-device"), ("fido2", "fido2-device"), ("pkcs11", "pkcs11-uri"))
        if line.option(option) is not None
    ]
    if random:
        unlock.append("random")
    elif line.key_file is not None:
        unlock.append("key_file")
    kinds = ("plain", "swap", "tmp", "tcrypt", "bitlk")
    return {
        "name": line.name,
        "device": line.device,
        "key_file": None if line.key_file is None else line.key_file.partition(":")[0],
        "unlock": sorted(unlock) or ["passphrase"],
        "kind": next((kind for kind in kinds if line.option(kind) is not None), "luks"),
        "header": line.option("header"),
        "options": sorted({option.partition("=")[0] for option in line.options}),
        "source": "/etc/crypttab",
        "line": line.line,
    }


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts(
        {
            "storage.root": _root,
            "storage.volumes": _volumes,
            "storage.root_volume": _root_volume,
            "crypttab.entries": _crypttab,
        }
    )


_STACK_FIELDS = {
    "mount_point": "text: path",
    "device": "text: what is mounted, as the kernel names it",
    "filesystem": "text: type",
    "encryption": "text: luks1, luks2, plain …; none when any part lies bare; mixed when parts differ",
    "encrypted": "flag: every part of it lies in an encrypted volume",
    "layers": "list: devices from the top down, with the type of encrypting ones",
    "partitions": "list: devices at the bottom",
}

COLLECTOR = Collector(
    id="storage",
    facts=(
        FactSpec(
            "storage.root",
            "object",
            "What the root file system lies on: /, or /sysroot where / is put together from it.",
            facet="runtime",
            fields=_STACK_FIELDS,
        ),
        FactSpec(
            "storage.volumes",
            "table",
            "Every mount on a block device and what it lies on, by mount point.",
            facet="runtime",
            fields={**_STACK_FIELDS, "visible": "flag: paths lead to it"},
        ),
        FactSpec(
            "storage.root_volume",
            "object",
            "What the header on disk says about the volume of the root file system.",
            fields={
                "devices": "list: devices that hold it",
                "encryption": "text: luks1, luks2, none or mixed",
                "fully_encrypted": "flag: every segment has a real cipher, and no re-encryption is pending",
                "integrity": "text: authentication of its data; null without",
                "found_by": "text: mounted, partition type, readable without a key, opened with a key, or only volume",
            },
        ),
        FactSpec(
            "crypttab.entries",
            "table",
            "/etc/crypttab in order; absent when there is no such file.",
            fields={
                "name": "text: name below /dev/mapper",
                "device": "text: encrypted device, as written",
                "key_file": "text: path of the key file; null without one",
                "unlock": "list: passphrase, key_file, random, tpm2, fido2, pkcs11",
                "kind": "text: luks, plain, swap, tmp, tcrypt or bitlk",
                "header": "text: where a detached header lies; null without",
                "options": "list: names of all options",
                "source": "text: file",
                "line": "number: line",
            },
        ),
    ),
    collect=collect,
)
