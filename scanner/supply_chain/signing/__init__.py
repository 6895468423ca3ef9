"""Signatures and attestations, verified offline: `verify_image` and `verify_file` of `verifying`."""
