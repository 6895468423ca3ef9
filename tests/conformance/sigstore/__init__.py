"""The public sigstore conformance bundles against our verifier. They are fetched by hand and never kept here."""
