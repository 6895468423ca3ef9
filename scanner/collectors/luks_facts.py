"""The words for each field of the LUKS facts; the collector is `luks`."""

from __future__ import annotations

__all__ = ["BINDING_FIELDS", "POLICY_FIELDS", "VOLUME_FIELDS"]

VOLUME_FIELDS = {
    "device": "text: device, or the file that holds a detached header",
    "version": "number: 1 or 2",
    "uuid": "text: UUID of the volume",
    "label": "text: label; null without one",
    "subsystem": "text: subsystem label; null without one",
    "detached_header": "flag: the header is a file (crypttab header=)",
    "both_copies_valid": "flag: both LUKS2 headers are sound; null for LUKS1, which has one",
    "header_copies_equal": "flag: both say the same; null for LUKS1 or when one is damaged",
    "copies": "table: offset, valid, seqid, checksum (algorithm), problem of each copy",
    "keyslots": "table: id, type, owner (passphrase, or the type of the token that names it), tokens, key_bits, kdf, "
    "time (passes), memory_kib, cpus, iterations, hash, priority (ignore, normal, prefer), opens_data (false: an "
    "unbound key), area, encryption",
    "segments": "table: id, type, encryption, sector_size, integrity (null: not authenticated), offset, size, flags",
    "tokens": "table: id, type, keyslots, live (one of its keyslots exists)",
    "orphan_tokens": "list: ids of tokens whose keyslots do not exist",
    "flags": "list: persistent flags (allow-discards, no-read-workqueue …)",
    "requirements": "list: features a reader must know (online-reencrypt: not finished)",
    "fully_encrypted": "flag: every segment is encrypted with a real cipher and no re-encryption is pending",
}

BINDING_FIELDS = {
    "device": "text: device, or the file that holds a detached header",
    "token": "text: token id, or luksmeta-N",
    "type": "text: clevis, systemd-tpm2 or luksmeta",
    "pin": "text: outermost pin: tpm2, tang, sss, null …; null when the token cannot be read",
    "pins": "list: kinds of all innermost pins",
    "threshold": "number: shares that are enough; null unless sss",
    "shares": "number: shares there are; null unless sss",
    "tpm_mandatory": "flag: no way through this token goes without the TPM",
    "opens_freely": "flag: the key lies in clear (null pin)",
    "keyslots": "list: keyslots the token names",
    "live_keyslots": "list: those that exist, open the data and are not ignored (priority 0)",
    "live": "flag: there is such a keyslot",
    "bank": "text: hash of the PCR bank; null without PCRs or when parts differ",
    "declared_pcrs": "list: PCRs that the token's JSON names, a hint only",
    "bound_pcrs": "list: declared PCRs that every way through demands, if the object has a policy that nothing "
    "passes by; luks.tpm_policy_check says whether the policy is the one of these PCRs",
    "public_key_pcrs": "list: PCRs of a signed policy, a hint only",
    "signed_policy": "flag: any PCR values that a key has signed are accepted",
    "signed_pcrs": "list: always empty; left out for signed policies and pcrlock, whose PCRs stand elsewhere",
    "pcrlock": "flag: the policy stands in an NV index of the TPM (systemd-pcrlock)",
    "policy_present": "flag: every sealed object has a policy that demands something",
    "policies": "list: policy digests of the objects, hexadecimal",
    "stated_policy_agrees": "flag: the policy hash in the JSON is the object's; null when none is stated",
    "user_with_auth": "flag: an object opens by password alone, past its policy",
    "attributes": "list: TPM object attributes that are set",
    "pin_required": "flag: every way through asks for a PIN",
    "degenerate": "text: why a policy demands less than it seems; null when no known constant explains it",
    "problem": "text: why the token cannot be read; null when it can",
}

POLICY_FIELDS = {
    "device": "text: device",
    "token": "text: token id",
    "secret": "number: which secret of the token, from 0",
    "declared_pcrs": "list: PCRs that the token's JSON names",
    "policy_matches_pcrs": "flag: the policy is that of these PCRs with their values of now; null when unknown",
    "matches_with_pcr11_zero": "flag: met with PCR 11 never extended (it adds nothing); null without PCR 11",
    "pcr11_measured": "flag: PCR 11 of that bank is not zero now; null when unknown",
}
