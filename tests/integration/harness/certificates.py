"""Authorities and what they issue: certificates that are good, or bad in one way, revocation lists and OCSP responses.
All of it is written as files, PEM but for the responses, to the folder of the authority."""

import datetime
import functools
import ipaddress
import pathlib
import tempfile
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_SHA256 = hashes.SHA256()
_ATTRIBUTES = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
               "C": NameOID.COUNTRY_NAME, "L": NameOID.LOCALITY_NAME}
VALID, EXPIRED, NOT_YET = (-1, 30), (-30, -1), (1, 30)  # days from now


class Issued(NamedTuple):
    """A certificate and where it lies."""

    certificate: x509.Certificate
    cert: str  # file: its own first, then the authorities between it and the root
    key: str  # file
    authority: "Authority"

    @property
    def files(self):
        """As an entry of `certificates`."""
        return {"cert": self.cert, "key": self.key}

    @property
    def fingerprint(self):
        """SHA-256, in lower-case hex."""
        return self.certificate.fingerprint(_SHA256).hex()


class Authority:
    """A root, or one below another. Its files end with it where it makes its own folder: that of a root."""

    def __init__(self, name="Test Root", above=None):
        self._scratch = None if above else tempfile.TemporaryDirectory(prefix="drover-certificates-")
        self.directory = above.directory if above else pathlib.Path(self._scratch.name)
        self._above = above
        self.key = _new_key("P-256")
        subject = _name([("CN", name)])
        builder = _builder(subject, above.certificate.subject if above else subject, self.key, VALID)
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        builder = builder.add_extension(_usage(key_cert_sign=True, crl_sign=True), critical=True)
        self.certificate = _signed(builder, above, self.key)
        self.file = self._write(f"{name}.pem", _pem(self.certificate))
        self._made = 0

    def below(self, name="Test Intermediate"):
        """An authority that this one vouches for."""
        return Authority(name, self)

    def issue(self, *names, days=VALID, kind="P-256", purpose="server", subject=None):
        """A certificate for DNS names and IP addresses. `days`: from and to, from now; `kind`: P-256 or RSA-2048;
        `purpose`: server or client; `subject`: pairs such as ("CN", "alice"), by default the first name."""
        key = _new_key(kind)
        builder = _leaf_builder(names, subject, self.certificate.subject, key, days, purpose)
        certificate = _signed(builder, self, self.key)
        return self._keep(certificate, key, _pem(certificate, *self._chain()))

    def self_signed(self, *names):
        """One that vouches for itself; of this authority it has the folder only."""
        key = _new_key("P-256")
        certificate = _signed(_leaf_builder(names, None, _name([("CN", names[0])]), key, VALID, "server"), None, key)
        return self._keep(certificate, key, _pem(certificate))

    def crl(self, *revoked):
        """The file of a revocation list that has these certificates on it."""
        builder = (x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
                   .last_update(_in_days(-1)).next_update(_in_days(7)))
        for issued in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(issued.certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(_in_days(0)).build())
        signed = builder.sign(self.key, _SHA256)
        return self._write(f"{self._number()}.crl.pem", signed.public_bytes(serialization.Encoding.PEM))

    def ocsp(self, issued):
        """The file of a response that says `issued` is good."""
        builder = ocsp.OCSPResponseBuilder().add_response(
            issued.certificate, self.certificate, _SHA256, ocsp.OCSPCertStatus.GOOD, _in_days(0), _in_days(7), None, None)
        builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, self.certificate)
        response = builder.sign(self.key, _SHA256)
        return self._write(f"{self._number()}.ocsp.der", response.public_bytes(serialization.Encoding.DER))

    @staticmethod
    def sealed_key(pass_phrase):
        """A key in PEM, of nobody, that takes a pass phrase to read."""
        return _new_key("P-256").private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(pass_phrase.encode()))

    def _chain(self):
        """From this authority up to the one below the root."""
        return [self.certificate, *self._above._chain()] if self._above else []

    def _keep(self, certificate, key, chain):
        number = self._number()
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                    serialization.NoEncryption())
        return Issued(certificate, self._write(f"{number}.cert.pem", chain),
                      self._write(f"{number}.key.pem", private), self)

    def _number(self):
        self._made += 1
        return f"{self.certificate.serial_number:x}-{self._made}"

    def _write(self, name, content):
        path = self.directory / name
        path.touch(mode=0o600)  # of a key that others can read Drover warns
        path.write_bytes(content)
        return str(path)


class Defaults(NamedTuple):
    """What everybody trusts and shows in the TLS forms of the tests."""

    authority: Authority
    server: Issued


@functools.cache
def defaults():
    """Made once a process."""
    authority = Authority("Test Default")
    return Defaults(authority, authority.issue("localhost", "127.0.0.1", "*.example.com"))


def _in_days(days):
    return datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)


def _new_key(kind):
    if kind == "RSA-2048":
        return rsa.generate_private_key(65537, 2048)
    return ec.generate_private_key(ec.SECP256R1())


def _name(pairs):
    return x509.Name([x509.NameAttribute(_ATTRIBUTES[kind], value) for kind, value in pairs])


def _builder(subject, issuer, key, days):
    public = key.public_key()
    return (x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(_in_days(days[0])).not_valid_after(_in_days(days[1]))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False))


def _leaf_builder(names, subject, issuer, key, days, purpose):
    builder = _builder(_name(subject or [("CN", names[0])]), issuer, key, days)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(digital_signature=True), critical=True)
    use = ExtendedKeyUsageOID.SERVER_AUTH if purpose == "server" else ExtendedKeyUsageOID.CLIENT_AUTH
    builder = builder.add_extension(x509.ExtendedKeyUsage([use]), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), False)
    return builder


def _alternative(name):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(**wanted):
    uses = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
            "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{use: wanted.get(use, False) for use in uses})


def _signed(builder, authority, key):
    """By the authority, or else by itself."""
    if authority:
        identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        builder = builder.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
    return builder.sign(authority.key if authority else key, _SHA256)


def _pem(*certificates):
    return b"".join(certificate.public_bytes(serialization.Encoding.PEM) for certificate in certificates)
