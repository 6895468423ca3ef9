"""Whom and what a user trusts for one verification."""

from __future__ import annotations

from dataclasses import dataclass

from scanner.model.errors import UsageError
from scanner.supply_chain.signing.identities import Identity
from scanner.supply_chain.signing.keys import PublicKey
from scanner.supply_chain.signing.trust_root import Authority, TrustRoot

__all__ = ["Wanted"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """`keys` and `identities`: who may vouch, any of them. `root`: the root of trust of a sigstore instance, None for
    the one built in. `authority`: then every signature by a key needs a timestamp of it. `threshold`: how many
    different signers are needed.
    """

    keys: tuple[PublicKey, ...] = ()
    identities: tuple[Identity, ...] = ()
    root: TrustRoot | None = None
    authority: Authority | None = None
    threshold: int = 1

    def __post_init__(self) -> None:
        if not self.keys and not self.identities:
            raise UsageError(
                "whose signature? nobody is named", hint="give --key cosign.pub, or --identity with --issuer"
            )
        if self.threshold < 1 or (not self.identities and self.threshold > len({key.id for key in self.keys})):
            raise UsageError("the threshold is 1 to the number of different keys given")

    def trust_root(self) -> TrustRoot:
        """The root given, or else the one that the sigstore library ships."""
        if self.root is not None:
            return self.root
        from scanner.supply_chain.signing.keyless import built_in_root

        return built_in_root()
