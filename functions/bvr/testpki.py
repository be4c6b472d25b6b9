"""Certificates for tests and trials: a root, an issuer, business certificates and the register's own.

Norwegian business certificates (virksomhetssertifikat) carry the organisation number in the subject. These look the
same and are worth nothing: every register that trusts them is a test.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from bvr.intake.sealed.seal import Signing

_START = datetime(2020, 1, 1, tzinfo=UTC)
_YEARS = timedelta(days=365 * 30)


def new_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


class Pki(msgspec.Struct, frozen=True, kw_only=True):
    """A root and an issuer below it."""

    root: x509.Certificate
    root_key: rsa.RSAPrivateKey
    issuer: x509.Certificate
    issuer_key: rsa.RSAPrivateKey
    sender_key: rsa.RSAPrivateKey | None = None  # one key for all synthetic senders: making one takes a while

    @classmethod
    def read(cls, folder: Path) -> Pki:
        """The root and the issuer that `write` put in a folder."""
        from bvr.intake.sealed.keys import certificates, private_key

        root, issuer = certificates(folder / "utstedere.pem")
        keys = (private_key(folder / name) for name in ("rot-nokkel.pem", "utsteder-nokkel.pem", "avsender-nokkel.pem"))
        root_key, issuer_key, sender_key = keys
        return cls(root=root, root_key=root_key, issuer=issuer, issuer_key=issuer_key, sender_key=sender_key)

    @classmethod
    def new(cls, name: str = "BVR Test") -> Pki:
        root_key, issuer_key = new_key(), new_key()
        root = _certificate(_name(f"{name} Root CA"), _name(f"{name} Root CA"), root_key, root_key, ca=1)
        issuer = _certificate(_name(f"{name} CA 1"), root.subject, issuer_key, root_key, ca=0)
        return cls(root=root, root_key=root_key, issuer=issuer, issuer_key=issuer_key)

    def business(
        self,
        orgnr: str,
        name: str = "Prøvevirksomhet",
        *,
        key: rsa.RSAPrivateKey | None = None,
        start: datetime = _START,
        end: datetime = _START + _YEARS,
        seid2: bool = False,
        bits: int = 2048,
    ) -> Signing:
        """A business certificate with its key. `seid2`: the number in organizationIdentifier, as newer ones have it."""
        own = key or new_key(bits)
        number = (
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"NTRNO-{orgnr}")
            if seid2
            else x509.NameAttribute(NameOID.SERIAL_NUMBER, orgnr)
        )
        subject = _name(name, number, x509.NameAttribute(NameOID.ORGANIZATION_NAME, name))
        certificate = _certificate(subject, self.issuer.subject, own, self.issuer_key, start=start, end=end)
        return Signing(key=own, certificate=certificate, chain=(self.issuer,))


def _name(common: str, *more: x509.NameAttribute[str]) -> x509.Name:
    country = x509.NameAttribute(NameOID.COUNTRY_NAME, "NO")
    return x509.Name([country, *more, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    key: rsa.RSAPrivateKey,
    signed_by: rsa.RSAPrivateKey,
    *,
    ca: int | None = None,
    start: datetime = _START,
    end: datetime = _START + _YEARS,
) -> x509.Certificate:
    """A certificate; `ca` is how many issuers may stand below it, None for one that issues nothing."""
    issues = ca is not None
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=issues, path_length=ca), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not issues,
                content_commitment=not issues,
                key_encipherment=not issues,
                data_encipherment=False,
                key_agreement=False,
                key_cert_sign=issues,
                crl_sign=issues,
                encipher_only=False,
                decipher_only=False,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key()), critical=False)
        .sign(signed_by, hashes.SHA256())
    )


def pem_of(*certificates: x509.Certificate) -> bytes:
    return b"".join(c.public_bytes(Encoding.PEM) for c in certificates)


def pem_of_key(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


REGISTER_BITS = 3072
"""Size of the register's own key: what Cloud KMS recommends for RSA decryption."""


def write(folder: Path, register_orgnr: str, sender_orgnr: str) -> list[Path]:
    """Everything for a trial, in a folder: the issuers, the register's key and certificate, and a sender's.

    `utstedere.pem` and their keys, `register-nokkel/1.pem`, `register.pem`, `avsender-nokkel.pem`, `avsender.pem`; a
    certificate file holds the chain above it too.
    """
    pki = Pki.new()
    register, sender = pki.business(register_orgnr, "Registeret", bits=REGISTER_BITS), pki.business(sender_orgnr)
    contents = {
        "utstedere.pem": pem_of(pki.root, pki.issuer),
        "rot-nokkel.pem": pem_of_key(pki.root_key),
        "utsteder-nokkel.pem": pem_of_key(pki.issuer_key),
        "register-nokkel/1.pem": pem_of_key(register.key),
        "register.pem": pem_of(register.certificate, *register.chain),
        "avsender-nokkel.pem": pem_of_key(sender.key),
        "avsender.pem": pem_of(sender.certificate, *sender.chain),
    }
    written = []
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(content)
        written.append(path)
    return written
