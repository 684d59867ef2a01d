"""WebSocket frames by hand, RFC 6455 section 5: legal ones and, on request, illegal ones."""

import struct
from dataclasses import dataclass

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
MASK = b"\x37\xfa\x21\x3d"  # the key of the examples in section 5.7


@dataclass
class Frame:
    """A frame as it was read; `payload` is unmasked, `raw` is what stood on the wire."""

    fin: bool
    rsv: int
    opcode: int
    masked: bool
    payload: bytes
    raw: bytes

    @property
    def close_code(self):
        """The code of a Close; none where the body is empty."""
        assert self.opcode == CLOSE, self
        return struct.unpack(">H", self.payload[:2])[0] if self.payload else None

    @property
    def close_reason(self):
        """The reason of a Close."""
        return self.payload[2:].decode()


def xor(payload, key):
    """Masks or unmasks, section 5.3."""
    if not payload:
        return b""
    repeated = (key * (len(payload) // 4 + 1))[: len(payload)]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(len(payload), "big")


def _head(opcode, length, fin, rsv, masked, wide):
    """`wide`: bytes of extended length to use (2 or 8) where the minimal form would need fewer."""
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0x80 if masked else 0
    if wide == 8 or length > 0xFFFF:
        return struct.pack(">BBQ", first, mask_bit | 127, length)
    if wide == 2 or length > 125:
        return struct.pack(">BBH", first, mask_bit | 126, length)
    return struct.pack(">BB", first, mask_bit | length)


def client_frame(opcode, payload=b"", fin=True, rsv=0, wide=0, length=None, mask=MASK):
    """A masked frame; `length` declares another length than the payload has."""
    declared = len(payload) if length is None else length
    return _head(opcode, declared, fin, rsv, True, wide) + mask + xor(payload, mask)


def backend_frame(opcode, payload=b"", fin=True, rsv=0, wide=0, length=None):
    """An unmasked frame."""
    declared = len(payload) if length is None else length
    return _head(opcode, declared, fin, rsv, False, wide) + payload


def close_body(code, reason=""):
    """The payload of a Close."""
    return struct.pack(">H", code) + reason.encode()
