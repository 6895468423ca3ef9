"""LZO1X streams, as squashfs and btrfs keep them in blocks: no header, an end mark, no length.

Source: kernel Documentation/staging/lzo.rst ("LZO stream format as understood by Linux's LZO decompressor"). Plain
Python, output never longer than the caller allows. The run-length variant (lzo-rle) is not read.
"""

from __future__ import annotations

from scanner.model.errors import ParseError

__all__ = ["decode_block"]

_AFTER_RUN = 4
"""State after a run of four literals or more."""


def decode_block(data: bytes, limit: int) -> bytes:
    """The content of one stream that fills `data`, at most `limit` bytes. Raises ParseError with the offset."""
    try:
        return _decode(data, limit)
    except IndexError:
        raise ParseError("the stream ends inside an instruction", offset=len(data)) from None


def _decode(data: bytes, limit: int) -> bytes:
    out = bytearray()
    have = place = state = 0
    end = len(data)
    trailing = 0  # literals to copy before the next instruction
    if data[0] > 17:
        trailing = data[0] - 17
        state = min(trailing, _AFTER_RUN)
        place = 1
    while True:
        if trailing:
            if place + trailing > end:
                raise ParseError("literals beyond the end of the stream", offset=place)
            have += trailing
            if have > limit:
                raise ParseError(f"more than {limit} bytes", offset=place)
            out += data[place : place + trailing]
            place += trailing
        code = data[place]
        place += 1
        if code >= 64:
            run = (code >> 5) + 1 if code >= 128 else 3 + (code >> 5 & 1)
            distance = (data[place] << 3) + (code >> 2 & 7) + 1
            place += 1
            trailing = code & 3
        elif code >= 16:
            mask = 31 if code >= 32 else 7
            run = code & mask
            if not run:
                run, place = _longer(data, place, mask)
            run += 2
            pair = data[place] | data[place + 1] << 8
            place += 2
            distance = (pair >> 2) + 1
            trailing = pair & 3
            if code < 32:
                distance += 0x3FFF + ((code & 8) << 11)
                if distance == 0x4000:
                    break
        elif state == 0:
            run = code
            if not run:
                run, place = _longer(data, place, 15)
            trailing = run + 3
            state = _AFTER_RUN
            continue
        else:
            run = 2
            distance = (data[place] << 2) + (code >> 2) + 1
            place += 1
            trailing = code & 3
            if state == _AFTER_RUN:
                run = 3
                distance += 0x800
        state = trailing
        start = have - distance
        if start < 0:
            raise ParseError(f"match {distance} bytes back after {have}", offset=place)
        have += run
        if have > limit:
            raise ParseError(f"more than {limit} bytes", offset=place)
        if distance >= run:
            out += out[start : start + run]
        else:
            out += (out[start:] * (run // distance + 1))[:run]
    if run != 3 or place != end:
        raise ParseError("the end mark is not the end of the stream", offset=place)
    return bytes(out)


def _longer(data: bytes, place: int, base: int) -> tuple[int, int]:
    """A length too long for its instruction: zero bytes count 255 each, the first other byte ends it."""
    start = place
    while not data[place]:
        place += 1
    return base + (place - start) * 255 + data[place], place + 1
