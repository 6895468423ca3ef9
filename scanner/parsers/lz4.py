"""LZ4 blocks: sequences of literals and matches, without any frame around them.

Source: lz4/lz4 doc/lz4_Block_format.md. A block says neither its own length nor that of its content: the caller knows
both. Plain Python, output never longer than the caller allows.
"""

from __future__ import annotations

from scanner.model.errors import ParseError

__all__ = ["decode_block", "decode_padded"]

_MINIMUM = 4
_LONG = 15


def decode_block(data: bytes, limit: int, *, partial: bool = False) -> bytes:
    """The content of one block, at most `limit` bytes.

    With `partial` decoding stops after `limit` bytes and what follows in `data` does not matter; otherwise a longer
    content is an error. Raises ParseError with the offset in `data`.
    """
    out = bytearray()
    have = place = 0
    end = len(data)
    try:
        while True:
            token = data[place]
            place += 1
            run = token >> 4
            if run:
                if run == _LONG:
                    while (more := data[place]) == 255:
                        run += 255
                        place += 1
                    run += more
                    place += 1
                if have + run > limit:
                    if not partial:
                        raise ParseError(f"more than {limit} bytes", offset=place)
                    run = limit - have
                if place + run > end:
                    raise ParseError("literals beyond the end of the block", offset=place)
                out += data[place : place + run]
                place += run
                have += run
            if place == end or (partial and have == limit):
                return bytes(out)
            distance = data[place] | data[place + 1] << 8
            place += 2
            if not 0 < distance <= have:
                raise ParseError(f"match {distance} bytes back after {have}", offset=place - 2)
            run = token & 15
            if run == _LONG:
                while (more := data[place]) == 255:
                    run += 255
                    place += 1
                run += more
                place += 1
            run += _MINIMUM
            if have + run > limit:
                if not partial:
                    raise ParseError(f"more than {limit} bytes", offset=place)
                run = limit - have
            start = have - distance
            if distance >= run:
                out += out[start : start + run]
            else:
                out += (out[start:] * (run // distance + 1))[:run]
            have += run
            if partial and have == limit:
                return bytes(out)
    except IndexError:
        raise ParseError("the block ends inside a sequence", offset=place) from None


def decode_padded(data: bytes, length: int) -> bytes:
    """Exactly `length` bytes of a block that stands at the end of `data`, zeros before it (the 0padding of EROFS).

    A block never begins with a zero byte; a block that stands at the start, with anything behind it, is read as well.
    """
    found = decode_block(data.lstrip(b"\0"), length, partial=True)
    if len(found) != length:
        raise ParseError(f"{length} bytes wanted, {len(found)} in the block")
    return found
