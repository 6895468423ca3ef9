"""Signatures and attestations, verified offline: `verifying` looks, `deciding` decides, `attested` finds SBOMs."""
