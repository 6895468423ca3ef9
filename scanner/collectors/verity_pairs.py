"""Which devices of a target are a dm-verity pair: data, and the tree of hashes over it. Not a collector itself.

Found are trees that a superblock marks, by partition types or by their content; and those that only a command line or
/etc/veritytab describes. Sources: see scanner.target.verity and scanner.parsers.discoverable.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field

from scanner.collectors.base import reason_of
from scanner.collectors.block_survey import Volume
from scanner.collectors.verity_expected import Expected
from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError, ParseError, TargetError
from scanner.model.records import dataclass
from scanner.parsers import verity_signature
from scanner.parsers.discoverable import VerityRole, verity_role
from scanner.parsers.verity_signature import VeritySignature
from scanner.parsers.veritytab import option_of
from scanner.target import verity
from scanner.target.base import BlockDevice
from scanner.target.cached import CachedDevice
from scanner.target.verity import Verity

__all__ = ["Pair", "Signed", "device_of", "pairs", "signature_of"]


@dataclass(slots=True)
class Pair:
    """A tree of hashes and what it is over. `kind`: root, usr, the name of the volume, or None.

    `found_by`: partition types, hashes of the data, command line or veritytab. `problem`: why it cannot be checked.
    """

    kind: str | None
    data: Volume | None
    hashes: Volume | None
    parameters: Verity | None
    found_by: str
    offset: int = 0
    superblock: bool = True
    problem: TargetError | None = None
    stored: str | None = None
    expected: list[Expected] = field(default_factory=list)

    @property
    def is_typed(self) -> bool:
        """Whether partition types say that both belong together: their UUIDs are then made of the root hash."""
        roles = [_role(volume) for volume in (self.data, self.hashes) if volume is not None]
        return [role.part for role in roles if role] == ["data", "hash"] and len({_set(role) for role in roles}) == 1


@dataclass(frozen=True, slots=True)
class Signed:
    """A signature partition and what it says."""

    volume: Volume
    content: VeritySignature


_MOST_PAIRS = 32
_MOST_CANDIDATES = 16
"""Devices that are tried as the data of one tree: the nearest ones."""


class _Device(BlockDevice):
    def __init__(self, volume: Volume) -> None:
        self.name, self.size = volume.name, volume.size
        self._read = volume.read

    def pread(self, offset: int, length: int) -> bytes:
        return self._read(offset, length) if 0 <= offset < self.size else b""


def device_of(volume: Volume) -> BlockDevice:
    """The volume as something that `scanner.target.verity` reads."""
    return CachedDevice(_Device(volume), chunks=16)


def pairs(volumes: Sequence[Volume], expected: Sequence[Expected]) -> list[Pair]:
    """Every pair with the root hashes that are expected of it. An expectation that nothing fits is a pair without
    devices."""
    marked = [volume for volume in volumes if _is_hash(volume)]
    found = [_marked(volume, volumes) for volume in marked[:_MOST_PAIRS]]
    problem = LimitError(f"more than {_MOST_PAIRS} hash devices")
    found += [Pair(None, None, volume, None, "partition types", problem=problem) for volume in marked[_MOST_PAIRS:]]
    rest = []
    for one in expected:
        pair = _named(one, volumes, found)
        if pair is None:
            rest.append(one)
        else:
            pair.expected.append(one)
    for one in rest:
        _assign(one, found)
    return found


# ---- trees that mark themselves --------------------------------------------------------------------------------------


def _is_hash(volume: Volume) -> bool:
    role = _role(volume)
    if volume.kinds[:1] == ["verity"]:
        return True
    # A slot for the next version is empty; one of that type with other content should have a tree.
    return role is not None and role.part == "hash" and (volume.found is None or any(volume.start))


def _marked(volume: Volume, volumes: Sequence[Volume]) -> Pair:
    role = _role(volume)
    pair = Pair(role.kind if role else None, None, volume, None, "partition types")
    try:
        pair.parameters = verity.superblock(device_of(volume))
        pair.stored = verity.stored_root_hash(pair.parameters, device_of(volume))
        pair.data, pair.found_by = _data_of(pair.parameters, volume, volumes)
        if pair.data is None:
            pair.problem = NotCollectedError("no device that the tree may be over was found")
    except TargetError as error:
        pair.problem = error
    return pair


def _data_of(parameters: Verity, hashes: Volume, volumes: Sequence[Volume]) -> tuple[Volume | None, str]:
    """What the tree is over: the device of the fitting type, or the one whose blocks have its hashes."""
    length = parameters.blocks * parameters.data_block
    fitting = [one for one in volumes if _may_be_data(one, hashes) and one.size >= length]
    role = _role(hashes)
    typed = [one for one in fitting if role is not None and _pairs_with(role, _role(one))]
    if len(typed) == 1:
        return typed[0], "partition types"
    tried = sorted(typed or fitting, key=lambda one: _distance(one, hashes))[:_MOST_CANDIDATES]
    scores = [_score(parameters, one, hashes) for one in tried]
    best = max(scores, default=(0, 0))
    likely = [one for one, score in zip(tried, scores, strict=True) if score == best and best > (0, 0)]
    if not likely:
        # Damage everywhere that was looked at: of typed partitions the nearest one before is meant.
        likely = typed and tried
    if not likely:
        return None, "hashes of the data"
    return likely[0], "partition types" if typed else "hashes of the data"


def _may_be_data(volume: Volume, hashes: Volume) -> bool:
    if volume is hashes or volume.found is None or {"gpt", "mbr", "verity"} & set(volume.kinds):
        return False
    role = _role(volume)
    # A disk without a table that holds both is described by the command line alone.
    return volume.name != hashes.parent and (role is None or role.part == "data")


def _score(parameters: Verity, data: Volume, hashes: Volume) -> tuple[int, int]:
    try:
        return verity.sample(parameters, device_of(data), device_of(hashes))
    except TargetError:
        return 0, 0


def _distance(volume: Volume, hashes: Volume) -> tuple[bool, int, str]:
    """Nearest partition of the same disk first; of equal ones the one before."""
    if volume.partition is None or hashes.partition is None or volume.parent != hashes.parent:
        return True, 0, volume.name
    step = hashes.partition.number - volume.partition.number
    return False, 2 * abs(step) + (step < 0), volume.name


def _role(volume: Volume) -> VerityRole | None:
    return verity_role(volume.partition.type_uuid) if volume.partition is not None else None


def _set(role: VerityRole | None) -> tuple[str, str] | None:
    return (role.kind, role.architecture) if role is not None else None


def _pairs_with(hashes: VerityRole, other: VerityRole | None) -> bool:
    return other is not None and other.part == "data" and _set(other) == _set(hashes)


# ---- trees that are described ----------------------------------------------------------------------------------------


def _named(one: Expected, volumes: Sequence[Volume], found: list[Pair]) -> Pair | None:
    """The pair of the devices that an expectation names, made when it is not known yet; None when it names none."""
    if one.data is None or one.hashes is None:
        return None
    data = next((volume for volume in volumes if volume.is_called(one.data)), None)
    hashes = next((volume for volume in volumes if volume.is_called(one.hashes)), None)
    if data is None or hashes is None:
        return None
    try:
        parameters, offset, marked = _described(one, data, hashes)
        stored = verity.stored_root_hash(parameters, device_of(hashes))
        problem: TargetError | None = None
    except (TargetError, ParseError) as error:
        problem = error if isinstance(error, TargetError) else DamagedError(reason_of(error))
        parameters, offset, marked, stored = None, 0, True, None
    for pair in found:
        if pair.hashes is hashes and pair.superblock == marked and pair.offset == offset:
            pair.data, pair.kind, pair.found_by = data, pair.kind or one.kind, one.by
            pair.problem = problem
            return pair
    pair = Pair(one.kind, data, hashes, parameters, one.by, offset, marked, problem, stored)
    found.append(pair)
    return pair


def _described(one: Expected, data: Volume, hashes: Volume) -> tuple[Verity, int, bool]:
    """Parameters of the tree, where its superblock or first block lies, and whether it has a superblock."""
    if one.target is not None:
        target = one.target
        offset = target.start * target.hash_block
        words = (target.algorithm, target.data_block, target.hash_block, target.blocks, target.salt, offset)
        return _checked(Verity(*words, target.format)), offset, False
    offset = _number(one, "hash-offset", 0)
    if option_of(one.options, "superblock") not in ("no", "false", "0", "off"):
        return verity.superblock(device_of(hashes), offset), offset, True
    data_block, hash_block = _number(one, "data-block-size", 4096), _number(one, "hash-block-size", 4096)
    salt = option_of(one.options, "salt") or "-"
    try:
        raw = b"" if salt == "-" else bytes.fromhex(salt)
    except ValueError:
        raise ParseError(f"verity option salt of {one.kind} is not hexadecimal") from None
    blocks = _number(one, "data-blocks", data.size // max(data_block, 1))
    algorithm = option_of(one.options, "hash") or "sha256"
    words = (algorithm.lower(), data_block, hash_block, blocks, raw, offset)
    return _checked(Verity(*words, _number(one, "format", 1))), offset, False


def _checked(parameters: Verity) -> Verity:
    if parameters.algorithm not in verity.ALGORITHMS or parameters.hash_type not in (0, 1):
        raise NotCollectedError(f"unsupported: verity hash {parameters.algorithm[:32]!r}, type {parameters.hash_type}")
    sizes = (parameters.data_block, parameters.hash_block)
    if any(not 512 <= size <= 1 << 19 or size & size - 1 for size in sizes) or parameters.tree % parameters.hash_block:
        raise ParseError(f"verity blocks of {sizes[0]} and {sizes[1]} bytes, tree at {parameters.tree}")
    if not parameters.blocks or len(parameters.salt) > 256:
        raise ParseError(f"{parameters.blocks} verity blocks, salt of {len(parameters.salt)} bytes")
    return parameters


def _number(one: Expected, name: str, default: int) -> int:
    text = option_of(one.options, name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise ParseError(f"verity option {name} of {one.kind} is {text[:20]!r}")
    return int(text)


def _assign(one: Expected, found: list[Pair]) -> None:
    """Give an expectation without devices to the pair it means: by UUIDs, by the hash itself, or as the only one."""
    same = [pair for pair in found if pair.kind in (one.kind, None) and pair.hashes is not None]
    for pair in same:
        if _uuids_say(pair, one.root_hash) or pair.stored == one.root_hash:
            pair.expected.append(one)
            pair.kind = pair.kind or one.kind
            return
    if len(same) == 1 and not same[0].expected:
        same[0].expected.append(one)
        same[0].kind = one.kind
        return
    problem = MissingError("no pair of devices has this root hash")
    found.append(Pair(one.kind, None, None, None, one.by, problem=problem, expected=[one]))


def _uuids_say(pair: Pair, root_hash: str) -> bool:
    uuids = [volume.partition.uuid for volume in (pair.data, pair.hashes) if volume is not None and volume.partition]
    if not pair.is_typed or len(uuids) != 2 or uuids[0] is None or uuids[1] is None:
        return False
    return verity.in_partition_uuids(root_hash, uuids[0], uuids[1])


# ---- signatures ------------------------------------------------------------------------------------------------------


def signature_of(pair: Pair, volumes: Sequence[Volume]) -> Signed | None:
    """The signature partition that belongs to the pair: the one with its root hash, else the nearest of its type.

    Raises ParseError, TargetError when it is damaged; None when there is none, or only blank ones.
    """
    role = _role(pair.hashes) if pair.hashes is not None else None
    if pair.hashes is None or role is None:
        return None
    hashes = pair.hashes
    own = [one for one in volumes if (kind := _role(one)) and kind.part == "signature" and _set(kind) == _set(role)]
    own.sort(key=lambda one: _distance(one, hashes))
    found: list[Signed] = []
    problem: ParseError | TargetError | None = None
    for one in own:
        try:
            content = verity_signature.parse(one.read(0, min(one.size, verity_signature.MAX_BYTES)))
        except (ParseError, TargetError) as error:
            problem = problem or error
            continue
        if content is not None:
            found.append(Signed(one, content))
    if not found and problem is not None:
        raise problem
    return next((one for one in found if one.content.root_hash == pair.stored), found[0] if found else None)
