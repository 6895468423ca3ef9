"""Devices that the running system would make from others: decrypted, joined. One module a kind, found by walking."""
