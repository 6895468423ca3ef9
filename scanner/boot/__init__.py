"""Pure parsers and verifiers of boot evidence: LUKS headers, EFI variables, PE images, TPM policies."""
