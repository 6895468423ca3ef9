"""VEX documents that stand beside an SBOM: OpenVEX, CSAF VEX and CycloneDX, read into statements and applied to it."""
