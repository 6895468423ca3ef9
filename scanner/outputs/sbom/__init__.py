"""Outputs of SBOM comparisons and timelines; `registry` finds them."""
