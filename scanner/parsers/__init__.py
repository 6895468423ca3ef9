"""Bytes or text in, structures out. No I/O, no facts; everything hostile is a ParseError."""
