"""dm-verity: whether each protected file system is what its root hash says, and who states that hash.

The hashes are computed again from the data, so the fact costs reading all of it and is made only for a rule that asks.
Whose signature stands behind a root hash is not judged here.
Sources: Linux, Documentation/admin-guide/device-mapper/verity.rst; UAPI Discoverable Partitions Specification; systemd,
systemd-veritysetup-generator(8); cryptsetup, dm UUIDs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.block_stack import mount_table
from scanner.collectors.block_survey import Volume, survey
from scanner.collectors.verity_expected import Expectations, expectations
from scanner.collectors.verity_pairs import Pair, device_of, pairs, signature_of
from scanner.model.errors import LimitError, MissingError, ParseError, TargetError
from scanner.model.fact import Fact, FactSpec, Json
from scanner.target import verity
from scanner.target.verity import VerityCheck

__all__ = ["COLLECTOR"]

_MOST = 8 << 30
"""Bytes of data that are hashed for one target."""
_MOST_BLOCKS = 4 << 20
"""Blocks that are hashed for one pair."""
_OTHER_PLACES = "a root hash inside an initramfs is not looked for"


def _pairs(look: Look) -> Json:
    volumes = survey(look)
    told = look.shared(expectations)
    left = _MOST
    records = []
    for pair in pairs(volumes, told.found):
        for volume in (pair.data, pair.hashes):
            if volume is not None:
                look.saw(volume.evidence())
        record, hashed = _record(look, pair, volumes, told, left)
        left -= hashed
        records.append(record)
    if not records:
        look.because("no hash device of dm-verity, and nothing expects a root hash")
    return sorted(records, key=lambda record: (str(record["name"]), str(record["hash"]), str(record["offset"])))


def _record(
    look: Look, pair: Pair, volumes: Sequence[Volume], told: Expectations, left: int
) -> tuple[dict[str, Json], int]:
    """The record of a pair, and how much data was hashed for it."""
    parameters = pair.parameters
    checked, problem = _check(pair, left)
    expected = _expected(pair, checked)
    record: dict[str, Json] = {
        "name": pair.kind,
        "data": pair.data.name if pair.data else None,
        "hash": pair.hashes.name if pair.hashes else None,
        "offset": str(pair.offset),
        "found_by": pair.found_by,
        "superblock": pair.superblock,
        "algorithm": parameters.algorithm if parameters else None,
        "salt_bytes": len(parameters.salt) if parameters else None,
        "data_block": parameters.data_block if parameters else None,
        "hash_block": parameters.hash_block if parameters else None,
        "size": str(parameters.blocks * parameters.data_block) if parameters else None,
        "stored_root_hash": pair.stored,
        **_found(checked, problem),
        "expected": list(expected),
        "agreement": _agreement(pair, checked, problem, expected, told),
        "signature": _signature(pair, volumes, checked),
    }
    return record, checked.bytes if checked else 0


def _check(pair: Pair, left: int) -> tuple[VerityCheck | None, TargetError | None]:
    if pair.problem is not None or pair.data is None or pair.hashes is None or pair.parameters is None:
        return None, pair.problem
    try:
        if pair.parameters.blocks * pair.parameters.data_block > left:
            raise LimitError(f"{pair.data.name}: no more than {_MOST} bytes are hashed for one target")
        if pair.parameters.blocks > _MOST_BLOCKS:
            raise LimitError(f"{pair.data.name}: more than {_MOST_BLOCKS} blocks")
        return verity.check(pair.parameters, device_of(pair.data), device_of(pair.hashes), limit=left), None
    except TargetError as error:
        return None, error


def _found(checked: VerityCheck | None, problem: TargetError | None) -> dict[str, Json]:
    names = ("root_hash", "damaged_data", "damaged_hashes", "first_damaged", "sound")
    if checked is None:
        return {name: _unread(problem) for name in names}
    first = None if checked.first_damaged is None else str(checked.first_damaged)
    values = (checked.root_hash, checked.damaged_data, checked.damaged_hashes, first, checked.sound)
    return dict(zip(names, values, strict=True))


def _unread(problem: ParseError | TargetError | None) -> Json:
    state = problem.state if isinstance(problem, TargetError) else "error"
    return {"state": state, "reason": reason_of(problem) if problem is not None else "not looked at"}


def _expected(pair: Pair, checked: VerityCheck | None) -> list[dict[str, Json]]:
    """What is expected of the pair, and whether the data has that root hash (null when it could not be hashed)."""
    found: list[dict[str, Json]] = [
        {
            "root_hash": one.root_hash,
            "by": one.by,
            "source": one.source,
            "line": one.line,
            "enforced": one.enforced,
            "agrees": None if checked is None else one.root_hash == checked.root_hash,
        }
        for one in pair.expected
    ]
    uuids = [volume.partition.uuid for volume in (pair.data, pair.hashes) if volume is not None and volume.partition]
    # Devices that a command line names are not found by their UUIDs, which may be any then.
    if pair.is_typed and not any(one.data for one in pair.expected) and uuids[0] and uuids[1]:
        agrees = None if checked is None else verity.in_partition_uuids(checked.root_hash, uuids[0], uuids[1])
        hash_ = verity.from_partition_uuids(uuids[0], uuids[1])
        where = (
            f"partition UUIDs of {pair.data.name if pair.data else ''} and {pair.hashes.name if pair.hashes else ''}"
        )
        found.append(
            {
                "root_hash": hash_,
                "by": "partition UUIDs",
                "source": where,
                "line": None,
                "enforced": False,
                "agrees": agrees,
            }
        )
    return found


def _agreement(
    pair: Pair,
    checked: VerityCheck | None,
    problem: TargetError | None,
    expected: Sequence[dict[str, Json]],
    told: Expectations,
) -> Json:
    if pair.hashes is None:
        return "not_found"
    if checked is None:
        return _unread(problem)
    if any(one["agrees"] is False for one in expected):
        return "differs"
    if pair.expected:
        return "matches"
    also = "only the partition UUIDs state a root hash" if expected else "no root hash is stated that was read"
    return {"state": "not_collected", "reason": f"{also}; {told.unknown or _OTHER_PLACES}"}


def _signature(pair: Pair, volumes: Sequence[Volume], checked: VerityCheck | None) -> Json:
    try:
        signed = signature_of(pair, volumes)
    except (ParseError, TargetError) as error:
        return _unread(error)
    if signed is None:
        return None
    return {
        "device": signed.volume.name,
        "root_hash": signed.content.root_hash,
        "certificate_fingerprint": signed.content.fingerprint,
        "signature_bytes": signed.content.length,
        "agrees": None if checked is None else signed.content.root_hash == checked.root_hash,
    }


# ---- running ---------------------------------------------------------------------------------------------------------


def _running(look: Look) -> Json:
    mounts = mount_table(look)[0]
    records: list[dict[str, Any]] = []
    for name in look.runtime.names("/sys/class/block"):
        base = f"/sys/class/block/{name}"
        if not look.runtime.exists(f"{base}/dm/uuid"):
            continue
        uuid = (look.running_text(f"{base}/dm/uuid") or "").strip()
        if not uuid:
            # The kernel's own set-up from the command line (dm-mod.create=) gives none.
            look.gap(name, "not_collected: what a device-mapper device without a UUID does is shown to root only")
        if not uuid.startswith("CRYPT-VERITY-"):
            continue
        number = (look.running_text(f"{base}/dev") or "").strip()
        read_only = look.running_text(f"{base}/ro")
        records.append(
            {
                "device": name,
                "name": (look.running_text(f"{base}/dm/name") or "").strip() or None,
                "read_only": None if read_only is None else read_only.strip() == "1",
                "mount_points": sorted({mount.target for mount in mounts if mount.device == number}),
                "below": _below(look, base),
                "root_hash": {
                    "state": "not_collected",
                    "reason": "the kernel shows the table of a device-mapper device to root only, by ioctl",
                },
            }
        )
    return sorted(records, key=lambda record: str(record["device"]))


def _below(look: Look, base: str) -> list[str]:
    try:
        return sorted(look.runtime.names(f"{base}/slaves"))
    except MissingError:
        return []


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts({"storage.verity": _pairs, "storage.verity_running": _running})


COLLECTOR = Collector(
    id="verity",
    facts=(
        FactSpec(
            "storage.verity",
            "table",
            "Pairs of data and hash tree (dm-verity), hashed again, by name; [] when there is none.",
            fields={
                "name": "text: root, usr, or the name in veritytab or dm-mod.create; null when nothing tells",
                "data": "text: device of the data; null when none was found",
                "hash": "text: device of the hash tree; null for an expected root hash that no pair has",
                "offset": "text: byte of the hash device where superblock or tree begins",
                "found_by": "text: partition types, hashes of the data, command line or veritytab",
                "superblock": "flag: a superblock says how the tree was made",
                "algorithm": "text: sha256 …; null when not known",
                "salt_bytes": "number: length of the salt",
                "data_block": "number: bytes of a data block",
                "hash_block": "number: bytes of a hash block",
                "size": "text: bytes of data that the tree covers",
                "stored_root_hash": "text: digest of the top of the stored tree; null when there is no tree to read",
                "root_hash": "text: of the data as it is, computed again",
                "damaged_data": "number: data blocks that the kernel would refuse to read",
                "damaged_hashes": "number: hash blocks that it would refuse",
                "first_damaged": "text: offset of the first such data block; null without one",
                "sound": "flag: data and stored tree belong together",
                "expected": "table: root_hash, by (command line, veritytab, partition UUIDs), source, line, enforced "
                "(false: the check is switched off or lets damage pass, or nothing checks it), agrees",
                "agreement": "text: matches, differs, or not_found (nothing has the expected root hash)",
                "signature": "object: device, root_hash, certificate_fingerprint, signature_bytes, agrees of the "
                "signature partition, not verified; null without one",
            },
            on_demand=True,
        ),
        FactSpec(
            "storage.verity_running",
            "table",
            "dm-verity devices in use, by device.",
            facet="runtime",
            fields={
                "device": "text: as the kernel names it",
                "name": "text: name below /dev/mapper; null without one",
                "read_only": "flag: the block device refuses writes; null when not shown",
                "mount_points": "list: where it is mounted",
                "below": "list: devices that it is made of",
                "root_hash": "text: left to root, who alone may ask the kernel",
            },
        ),
    ),
    collect=collect,
)
