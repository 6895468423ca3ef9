"""What a user hands in as a release: `arguments` says what a name is, `origin` where an SBOM came from, `registry`
fetches an image from a registry when asked."""
