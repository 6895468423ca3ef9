"""LUKS volumes, and what opens them without a person.

Header facts come from both copies on the device; salts, digests, key material and sealed blobs stay behind.
Sources: cryptsetup, LUKS2 On-Disk Format Specification; see scanner.boot.luks and scanner.boot.tpm_tokens.
"""

from __future__ import annotations

from collections.abc import Iterator

from scanner.boot import luks, tpm_policy
from scanner.boot.luks_model import Header, Keyslot
from scanner.boot.tpm_tokens import CLEVIS_UUID, Binding, Sealed, binding_of, clevis_binding, luksmeta_records
from scanner.collectors.base import Collector, Look, reason_of
from scanner.collectors.block_survey import Volume, survey
from scanner.collectors.luks_facts import BINDING_FIELDS, POLICY_FIELDS, VOLUME_FIELDS
from scanner.collectors.tpm import pcr_values
from scanner.model.errors import NotCollectedError, ParseError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.parsers import crypttab

__all__ = ["COLLECTOR"]

_HOLE = 64 * 1024
"""Bytes of the LUKS1 gap that luksmeta is looked for in; its records are a few KiB."""


class _Found:
    """One LUKS volume: its name, its header, and the Clevis bindings of luksmeta (LUKS1)."""

    def __init__(self, name: str, header: Header, detached: bool, luksmeta: list[Binding]) -> None:
        self.name = name
        self.header = header
        self.detached = detached
        self.luksmeta = luksmeta

    @property
    def bindings(self) -> list[Binding]:
        """Every token that opens it without a person."""
        return [*filter(None, map(binding_of, self.header.tokens)), *self.luksmeta]


def _volumes(look: Look) -> list[_Found]:
    found = []
    for volume in survey(look):
        if not volume.may_have_luks:
            continue
        try:
            header = luks.read_header(volume.read)
            if header is not None:
                look.saw(volume.evidence())
                found.append(_Found(volume.name, header, False, _luksmeta(volume)))
        except (ParseError, TargetError) as error:
            look.gap(volume.name, reason_of(error))
    found.extend(_detached(look))
    return sorted(found, key=lambda item: item.name)


def _luksmeta(volume: Volume) -> list[Binding]:
    """Clevis records beside the key slots of a LUKS1 device. Raises ParseError for a damaged one."""
    hole = luks.luks1_hole(volume.start)
    if hole is None:
        return []
    records = luksmeta_records(volume.read(hole[0], min(hole[1], _HOLE)))
    return [
        clevis_binding(f"luksmeta-{slot}", (slot,), data.decode("ascii", "replace").strip("\0\n "), "luksmeta")
        for slot, owner, data in records
        if owner == CLEVIS_UUID
    ]


def _detached(look: Look) -> Iterator[_Found]:
    """Volumes whose header is a file of the tree, by crypttab. A header on another device is found there."""
    text = look.try_text("/etc/crypttab")
    for line in crypttab.parse(text or ""):
        path = line.option("header")
        if not path or path.startswith("/dev/"):
            continue
        try:
            if ":" in path:
                raise ParseError("the header lies on a device that is not mounted")
            header = luks.read_header(lambda offset, length, path=path: look.peek(path, offset, length))  # type: ignore[misc]  # bound per turn
            if header is None:
                raise ParseError("no LUKS header")
            look.saw(Evidence(path, offset=0))
            yield _Found(path, header, True, [])
        except (ParseError, TargetError) as error:
            look.gap(path, reason_of(error))


# ---- luks.volumes ----------------------------------------------------------------------------------------------------


def _volume_facts(look: Look) -> Json:
    return [_volume_record(item) for item in look.shared(_volumes)]


def _volume_record(item: _Found) -> dict[str, Json]:
    header = item.header
    owners = _owners(item)
    present = {slot.id for slot in header.keyslots}
    return {
        "device": item.name,
        "version": header.version,
        "uuid": header.uuid,
        "label": header.label,
        "subsystem": header.subsystem,
        "detached_header": item.detached,
        "both_copies_valid": all(copy.valid for copy in header.copies) if header.version == 2 else None,
        "header_copies_equal": header.copies_equal,
        "copies": [
            {
                "offset": copy.offset,
                "valid": copy.valid,
                "seqid": copy.seqid,
                "checksum": copy.checksum,
                "problem": copy.problem,
            }
            for copy in header.copies
        ],
        "keyslots": [_keyslot_record(slot, owners.get(slot.id, [])) for slot in header.keyslots],
        "segments": [
            {
                "id": segment.id,
                "type": segment.type,
                "encryption": segment.encryption,
                "sector_size": segment.sector_size,
                "integrity": segment.integrity,
                "offset": str(segment.offset),
                "size": None if segment.size is None else str(segment.size),
                "flags": list(segment.flags),
            }
            for segment in header.segments
        ],
        "tokens": [
            {
                "id": token.id,
                "type": token.type,
                "keyslots": list(token.keyslots),
                "live": bool(present & set(token.keyslots)),
            }
            for token in header.tokens
        ],
        "orphan_tokens": [token.id for token in header.tokens if not present & set(token.keyslots)],
        "flags": list(header.flags),
        "requirements": list(header.requirements),
        "fully_encrypted": header.fully_encrypted,
    }


def _owners(item: _Found) -> dict[str, list[tuple[str, str]]]:
    """Keyslot to the tokens (id, type) that name it."""
    owners: dict[str, list[tuple[str, str]]] = {}
    for token in item.header.tokens:
        for slot in token.keyslots:
            owners.setdefault(slot, []).append((token.id, token.type))
    for binding in item.luksmeta:
        for slot in binding.keyslots:
            owners.setdefault(slot, []).append((binding.token, "clevis"))
    return owners


def _keyslot_record(slot: Keyslot, owners: list[tuple[str, str]]) -> dict[str, Json]:
    types = sorted({type_ for _, type_ in owners})
    if slot.type == "reencrypt":
        types = ["reencrypt"]
    return {
        "id": slot.id,
        "type": slot.type,
        "owner": types[0] if types else "passphrase",
        "tokens": [id_ for id_, _ in owners],
        "key_bits": slot.key_bits,
        "kdf": slot.kdf,
        "time": slot.time,
        "memory_kib": slot.memory,
        "cpus": slot.cpus,
        "iterations": slot.iterations,
        "hash": slot.hash,
        "priority": slot.priority,
        "opens_data": slot.opens_data,
        "area": slot.area,
        "encryption": slot.encryption,
    }


# ---- luks.tpm_bindings -----------------------------------------------------------------------------------------------


def _bindings(look: Look) -> Json:
    records = []
    for item in look.shared(_volumes):
        for binding in item.bindings:
            if binding.problem is not None:
                look.gap(f"{item.name}, token {binding.token}", f"malformed: {binding.problem}")
            records.append(_binding_record(item, binding))
    return records


def _binding_record(item: _Found, binding: Binding) -> dict[str, Json]:
    slots = {slot.id: slot for slot in item.header.keyslots}
    named = [slots[id_] for id_ in binding.keyslots if id_ in slots]
    live = [slot.id for slot in named if slot.priority != "ignore" and slot.opens_data]
    sealed = binding.sealed
    record: dict[str, Json] = {
        "device": item.name,
        "token": binding.token,
        "type": binding.type,
        "pin": binding.pin,
        "pins": list(binding.kinds),
        "threshold": binding.threshold,
        "shares": binding.shares,
        "tpm_mandatory": binding.tpm_mandatory,
        "opens_freely": binding.opens_freely,
        "keyslots": list(binding.keyslots),
        "live_keyslots": live,
        "live": bool(live),
        "bank": _common([one.bank for one in sealed if one.declared or one.public_key_pcrs]),
        "declared_pcrs": sorted({pcr for one in sealed for pcr in one.declared}),
        "bound_pcrs": list(binding.bound_pcrs),
        "public_key_pcrs": sorted({pcr for one in sealed for pcr in one.public_key_pcrs}),
        "signed_policy": any(one.public_key_pcrs for one in sealed),
        "pcrlock": any(one.pcrlock for one in sealed),
        "policy_present": bool(sealed) and all(one.has_policy for one in sealed),
        "policies": sorted({public.policy.hex() for one in sealed for public in one.publics if public.policy}),
        "stated_policy_agrees": _all_agree(sealed),
        "user_with_auth": any(one.user_with_auth for one in sealed),
        "attributes": sorted({name for one in sealed for public in one.publics for name in public.attributes}),
        "pin_required": bool(sealed) and binding.tpm_mandatory and all(one.pin_required for one in sealed),
        "degenerate": next((one.degenerate for one in sealed if one.degenerate), None),
        "problem": binding.problem,
    }
    if not record["signed_policy"] and not record["pcrlock"]:
        # For these the PCRs that count stand in signatures or in the TPM, which nobody has looked at here.
        record["signed_pcrs"] = []
    return record


def _common(values: list[str | None]) -> str | None:
    """The one value that all share; null when there is none or they differ."""
    return values[0] if values and len(set(values)) == 1 else None


def _all_agree(sealed: tuple[Sealed, ...]) -> bool | None:
    answers = [one.stated_policy_agrees for one in sealed if one.stated_policy_agrees is not None]
    return all(answers) if answers else None


# ---- luks.tpm_policy_check (running) ---------------------------------------------------------------------------------


def _policy_check(look: Look) -> Json:
    banks = pcr_values(look)
    if banks is None:
        raise NotCollectedError("the TPM's PCR values cannot be read")
    records = []
    for item in look.shared(_volumes):
        for binding in item.bindings:
            for number, sealed in enumerate(binding.sealed):
                records.append(
                    {"device": item.name, "token": binding.token, "secret": number, **_compare(sealed, banks)}
                )
    return records


def _compare(sealed: Sealed, banks: dict[str, dict[int, bytes]]) -> dict[str, Json]:
    """What the PCR values of now say about one policy."""
    values = banks.get(sealed.bank or "", {})
    have = {pcr: values[pcr] for pcr in sealed.declared if pcr in values}
    known = bool(sealed.declared) and len(have) == len(sealed.declared) and len(sealed.publics) == 1
    matches = _is_policy(sealed, have) if known else None
    without: bool | None = None
    if known and 11 in have:
        # Phases that follow the unlocking extend PCR 11, so only zeros say what it was then; and when the policy is
        # met with zeros, the boot image is no part of it.
        without = _is_policy(sealed, have | {11: bytes(len(have[11]))})
        if matches is False and any(have[11]):
            matches = None
    return {
        "declared_pcrs": list(sealed.declared),
        "policy_matches_pcrs": matches,
        "matches_with_pcr11_zero": without,
        "pcr11_measured": any(values[11]) if 11 in values else None,
    }


def _is_policy(sealed: Sealed, values: dict[int, bytes]) -> bool:
    digest = tpm_policy.policy_pcr(sealed.bank or "", values, old=sealed.signer)
    return sealed.publics[0].policy == (tpm_policy.policy_auth_value(digest) if sealed.pin_required else digest)


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts(
        {
            "luks.volumes": _volume_facts,
            "luks.tpm_bindings": _bindings,
            "luks.tpm_policy_check": _policy_check,
        }
    )


COLLECTOR = Collector(
    id="luks",
    facts=(
        FactSpec(
            "luks.volumes",
            "table",
            "LUKS volumes by device, as their headers say.",
            sensitive={"uuid": "serial"},
            fields=VOLUME_FIELDS,
        ),
        FactSpec(
            "luks.tpm_bindings",
            "table",
            "Tokens that open a LUKS volume without a person, by device and token.",
            fields=BINDING_FIELDS,
        ),
        FactSpec(
            "luks.tpm_policy_check",
            "table",
            "Policies of TPM bindings, recomputed with the PCR values of now, by device and token.",
            facet="runtime",
            fields=POLICY_FIELDS,
        ),
    ),
    collect=collect,
)
