"""Signing a manifest keyless: by an identity that a sigstore instance vouches for. This needs the network."""

from __future__ import annotations

from scanner.bundle.manifest import statement
from scanner.model.errors import InputError

__all__ = ["sign_keyless"]


def sign_keyless(manifest: bytes, token: str) -> bytes:
    """A sigstore bundle (0.3) with the statement about the manifest. `token`: an OpenID Connect token for the audience
    `sigstore`; empty: the one that a CI system provides. Raises InputError when there is none, or signing fails."""
    from sigstore.dsse import Statement
    from sigstore.errors import Error
    from sigstore.models import ClientTrustConfig
    from sigstore.oidc import IdentityError, IdentityToken, detect_credential
    from sigstore.sign import SigningContext

    try:
        raw = token or detect_credential()
        if not raw:
            raise InputError(
                "no identity: this is no CI system that provides one", hint="--identity-token-file names a token"
            )
        context = SigningContext.from_trust_config(ClientTrustConfig.production())
        with context.signer(IdentityToken(raw)) as signer:
            return signer.sign_dsse(Statement(statement(manifest))).to_json().encode() + b"\n"
    except (Error, IdentityError, OSError, ValueError) as error:
        raise InputError(f"keyless signing failed: {error}") from None
