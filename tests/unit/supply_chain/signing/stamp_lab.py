"""A timestamp authority by openssl (RFC 3161)."""

from __future__ import annotations

import subprocess
from pathlib import Path

_OPENSSL = """
[tsa]
default_tsa = it
[it]
serial = {folder}/serial
default_policy = 1.2.3.4.1
digests = sha256, sha384, sha512
signer_digest = sha256
ess_cert_id_alg = sha256
accuracy = secs:1
"""


class Authority:
    """A timestamp authority by openssl. `certificates`: PEM of the stamping certificate and its root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        (folder / "openssl.cnf").write_text(_OPENSSL.format(folder=folder))
        (folder / "serial").write_text("01\n")
        (folder / "ext").write_text("extendedKeyUsage=critical,timeStamping\nkeyUsage=critical,digitalSignature\n")
        subject = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
        self._run("req", "-x509", *subject, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca", "-days", "30")
        self._run("req", *subject, "-keyout", "tsa.key", "-out", "tsa.csr", "-subj", "/CN=tsa")
        signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "ext", "-days", "30")
        self._run("x509", "-req", "-in", "tsa.csr", *signing, "-out", "tsa.pem")
        self.certificates = (folder / "tsa.pem").read_bytes() + (folder / "ca.pem").read_bytes()

    def _run(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)

    def stamp(self, data: bytes) -> bytes:
        """The reply (DER) to a request for `data`."""
        (self.folder / "data").write_bytes(data)
        self._run("ts", "-query", "-data", "data", "-sha256", "-cert", "-out", "query")
        return self.answer((self.folder / "query").read_bytes())

    def answer(self, query: bytes) -> bytes:
        """The reply to a request (DER)."""
        (self.folder / "query").write_bytes(query)
        # Without its root in the reply: openssl would not sort the two as DER wants, and the reader is strict.
        signer = ("-signer", "tsa.pem", "-inkey", "tsa.key")
        self._run("ts", "-reply", "-config", "openssl.cnf", "-queryfile", "query", *signer, "-out", "reply")
        return (self.folder / "reply").read_bytes()
