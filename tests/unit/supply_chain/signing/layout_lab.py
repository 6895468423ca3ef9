"""Real OCI layouts (umoci) with signatures attached as cosign does it, by keys made here."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

from scanner.supply_chain.signing.dsse import pae
from scanner.supply_chain.signing.keys import PublicKey, load_public_key

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
DSSE = "application/vnd.dsse.envelope.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
IN_TOTO = "application/vnd.in-toto+json"
CYCLONEDX = "https://cyclonedx.org/bom"
REF_NAME = "org.opencontainers.image.ref.name"

Private = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey


class Key:
    """A key pair; signs as cosign does."""

    def __init__(self, private: Private | None = None, name: str = "cosign.pub") -> None:
        self.private = private or ec.generate_private_key(ec.SECP256R1())
        self.pem = self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.public: PublicKey = load_public_key(self.pem, name)

    def sign(self, data: bytes, algorithm: hashes.HashAlgorithm | None = None, *, pss: bool = False) -> bytes:
        algorithm = algorithm or hashes.SHA256()
        if isinstance(self.private, ec.EllipticCurvePrivateKey):
            return self.private.sign(data, ec.ECDSA(algorithm))
        if isinstance(self.private, rsa.RSAPrivateKey):
            pad = padding.PSS(padding.MGF1(algorithm), 32) if pss else padding.PKCS1v15()
            return self.private.sign(data, pad, algorithm)
        return self.private.sign(data)


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def claim(digest: str, reference: str = "registry.example/velaos", **critical: Any) -> bytes:
    """The payload that cosign signs."""
    body = {
        "identity": {"docker-reference": reference},
        "image": {"docker-manifest-digest": digest},
        "type": "cosign container image signature",
    }
    return json.dumps({"critical": body | critical, "optional": None}).encode()


def statement(
    digest: str, kind: str = CYCLONEDX, predicate: Any = None, *, subjects: Any = None, type_: str | None = None
) -> bytes:
    algorithm, _, value = digest.partition(":")
    return json.dumps(
        {
            "_type": type_ or "https://in-toto.io/Statement/v0.1",
            "predicateType": kind,
            "subject": [{"name": "velaos", "digest": {algorithm: value}}] if subjects is None else subjects,
            "predicate": {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": []}
            if predicate is None
            else predicate,
        }
    ).encode()


def envelope(payload: bytes, *keys: Key, payload_type: str = IN_TOTO) -> dict[str, Any]:
    signatures = [{"keyid": "", "sig": b64(key.sign(pae(payload_type, payload)))} for key in keys]
    return {"payloadType": payload_type, "payload": b64(payload), "signatures": signatures}


def bundle(content: dict[str, Any], key: Key, **material: Any) -> dict[str, Any]:
    """A sigstore bundle made with a key; `content`: its dsseEnvelope or messageSignature."""
    return {
        "mediaType": BUNDLE,
        "verificationMaterial": {"publicKey": {"hint": key.public.hint}, "tlogEntries": [], **material},
        **content,
    }


def message(data: bytes, key: Key) -> dict[str, Any]:
    digest = {"algorithm": "SHA2_256", "digest": b64(hashlib.sha256(data).digest())}
    return {"messageSignature": {"messageDigest": digest, "signature": b64(key.sign(data))}}


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


class LayoutLab:
    """A layout that is written to."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def index(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.root / "index.json").read_bytes())
        return found

    def write_index(self, index: dict[str, Any]) -> None:
        (self.root / "index.json").write_bytes(as_json(index))

    @property
    def digest(self) -> str:
        """Of the first entry."""
        return str(self.index["manifests"][0]["digest"])

    def path(self, digest: str) -> Path:
        return self.root / "blobs" / digest.replace(":", "/")

    def blob(self, data: bytes) -> str:
        digest = sha256(data)
        self.path(digest).parent.mkdir(parents=True, exist_ok=True)
        self.path(digest).write_bytes(data)
        return digest

    def listed(self, data: bytes, media_type: str = MANIFEST, **more: Any) -> dict[str, Any]:
        """Write a manifest and list it in index.json."""
        descriptor = {"mediaType": media_type, "digest": self.blob(data), "size": len(data), **more}
        index = self.index
        index["manifests"].append(descriptor)
        self.write_index(index)
        return descriptor

    def manifest(self, *layers: tuple[bytes, str, dict[str, str]], **more: Any) -> bytes:
        config = b"{}"
        return as_json(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": {"mediaType": "application/vnd.oci.empty.v1+json", "digest": self.blob(config), "size": 2},
                "layers": [
                    {"mediaType": kind, "digest": self.blob(data), "size": len(data), "annotations": notes}
                    for data, kind, notes in layers
                ],
                **more,
            }
        )

    def attach(self, *layers: tuple[bytes, str, dict[str, str]], how: str = "sig", subject: str = "") -> None:
        """Attach layers to an image: as `how` = sig, att or sbom (tags), referrer, fallback or saved."""
        subject = subject or self.digest
        tag = subject.replace(":", "-")
        if how in ("sig", "att", "sbom"):
            self.listed(self.manifest(*layers), annotations={REF_NAME: f"{tag}.{how}"})
        elif how == "saved":
            self.listed(self.manifest(*layers), annotations={"kind": "dev.cosignproject.cosign/sigs"})
        else:
            about = {"mediaType": MANIFEST, "digest": subject, "size": 1}
            data = self.manifest(*layers, artifactType=layers[0][1], subject=about)
            if how == "referrer":
                self.listed(data, artifactType=layers[0][1])
            else:
                one = {"mediaType": MANIFEST, "digest": self.blob(data), "size": len(data)}
                listing = as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": [one]})
                self.listed(listing, INDEX, annotations={REF_NAME: tag})

    def archive(self, path: Path) -> Path:
        """The layout as a tar."""
        with tarfile.open(path, "w") as tar:
            for one in sorted(self.root.rglob("*")):
                tar.add(one, one.relative_to(self.root), recursive=False)
        return path

    def platforms(self, *arches: str) -> str:
        """Put a manifest for each architecture in an index and list only that. Returns the digest of the index."""
        first = json.loads(self.path(self.digest).read_bytes())
        config = json.loads(self.path(first["config"]["digest"]).read_bytes())
        inner = []
        for arch in arches:
            data = as_json(config | {"architecture": arch, "os": "linux"})
            own = first | {"config": first["config"] | {"digest": self.blob(data), "size": len(data)}}
            body = as_json(own)
            platform = {"os": "linux", "architecture": arch}
            inner.append({"mediaType": MANIFEST, "digest": self.blob(body), "size": len(body), "platform": platform})
        self.write_index({"schemaVersion": 2, "manifests": []})
        listing = as_json({"schemaVersion": 2, "mediaType": INDEX, "manifests": inner})
        return str(self.listed(listing, INDEX, annotations={REF_NAME: "latest"})["digest"])


def simple(key: Key, payload: bytes, **notes: str) -> tuple[bytes, str, dict[str, str]]:
    """A layer with a claim and its signature."""
    return payload, SIMPLE, {"dev.cosignproject.cosign/signature": b64(key.sign(payload)), **notes}


def make_layout(folder: Path, text: str = "VelaOS\n") -> LayoutLab:
    """An image made by umoci."""
    if shutil.which("umoci") is None:
        pytest.skip("umoci (Debian package umoci) makes the layouts")
    root = folder / "layout"
    source = folder / "source"
    (source / "etc").mkdir(parents=True)
    (source / "etc" / "os-release").write_text(text)
    tag = f"{root}:latest"
    for arguments in (
        ["init", "--layout", str(root)],
        ["new", "--image", tag],
        ["insert", "--rootless", "--image", tag, str(source / "etc"), "/etc"],
    ):
        subprocess.run(["umoci", *arguments], check=True, capture_output=True)
    return LayoutLab(root)
