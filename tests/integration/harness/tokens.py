"""Resume tokens by another implementation than Drover's: the format stands in src/migration/resume_token.h."""

import base64
import hashlib
import os
import time

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_PREFIX = b"v1."


def _text(value):
    return len(value).to_bytes(2, "big") + value.encode()


def mint(secret, resume_id, pool="default", backend="", lifetime=60):
    """A token for the session with that resume_id (32 hex digits), good for `lifetime` seconds."""
    plaintext = bytes.fromhex(resume_id) + int(time.time() + lifetime).to_bytes(8, "big") + _text(pool) + _text(backend)
    nonce = os.urandom(12)
    box = AESGCM(hashlib.sha256(secret.encode()).digest()).encrypt(nonce, plaintext, _PREFIX)
    return (_PREFIX + base64.urlsafe_b64encode(nonce + box).rstrip(b"=")).decode()


def opened(secret, token):
    """(resume_id, pool, backend, seconds left) of a token of Drover's."""
    sealed = base64.urlsafe_b64decode(token.removeprefix(_PREFIX.decode()) + "=" * (-(len(token) - 3) % 4))
    plain = AESGCM(hashlib.sha256(secret.encode()).digest()).decrypt(sealed[:12], sealed[12:], _PREFIX)
    size = int.from_bytes(plain[24:26], "big")
    return (plain[:16].hex(), plain[26:26 + size].decode(), plain[28 + size:].decode(),
            int.from_bytes(plain[16:24], "big") - time.time())
