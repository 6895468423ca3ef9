"""LZ4 blocks: sequences of literals and matches, without any frame around them.

Source: lz4/lz4 doc/lz4_Block_format.md. A block says neither its own length nor that of its content: the caller knows
both. Plain Python, output never longer than the caller allows.
"""

from __future__ import annotations

from scanner.model.errors import ParseError

__all__ = ["decode_block", "decode_padded"]

_MINIMUM = 4
_LONG = 15
_LONG_LITERALS = _LONG << 4


def decode_block(data: bytes, limit: int, *, partial: bool = False) -> bytes:
    """The content of one block, at most `limit` bytes.

    With `partial` decoding stops after `limit` bytes and what follows in `data` does not matter; otherwise a longer
    content is an error. Raises ParseError with the offset in `data`.
    """
    # A sequence costs a few hundred nanoseconds here, and an initramfs has millions: what can be asked once is.
    out = bytearray()
    have = place = 0
    end = len(data)
    try:
        while True:
            token = data[place]
            place += 1
            if token >= 16:
                run = token >> 4
                if token >= _LONG_LITERALS:
                    while (more := data[place]) == 255:
                        run += 255
                        place += 1
                    run += more
                    place += 1
                after = place + run
                if after > end:
                    if not (partial and limit - have <= end - place):
                        raise ParseError("literals beyond the end of the block", offset=place)
                    after = end
                out += data[place:after]
                place = after
                have += run
            if have >= limit and (partial or have > limit):
                break
            if place == end:
                return bytes(out)
            distance = data[place] | data[place + 1] << 8
            place += 2
            start = have - distance
            if not 0 <= start < have:
                raise ParseError(f"match {distance} bytes back after {have}", offset=place - 2)
            run = (token & 15) + _MINIMUM
            if run == _LONG + _MINIMUM:
                while (more := data[place]) == 255:
                    run += 255
                    place += 1
                run = min(run + more, limit + 1 - have)  # one too many says the same as all of them
                place += 1
            if distance >= run:
                out += out[start : start + run]
            else:
                out += (out[start:] * (run // distance + 1))[:run]
            have += run
    except IndexError:
        raise ParseError("the block ends inside a sequence", offset=place) from None
    if not partial:
        raise ParseError(f"more than {limit} bytes", offset=place)
    del out[limit:]
    return bytes(out)


def decode_padded(data: bytes, length: int) -> bytes:
    """Exactly `length` bytes of a block that stands at the end of `data`, zeros before it (the 0padding of EROFS).

    A block never begins with a zero byte; a block that stands at the start, with anything behind it, is read as well.
    """
    found = decode_block(data.lstrip(b"\0"), length, partial=True)
    if len(found) != length:
        raise ParseError(f"{length} bytes wanted, {len(found)} in the block")
    return found
