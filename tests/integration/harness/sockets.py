"""A socket of any process, by its ports: what waits in it, and whether it is connected. The kernel is asked for that
one (sock_diag(7)): its table of all, /proc/net/tcp, takes longer than some tests have, once others have left their tens
of thousands in TIME_WAIT."""

import os
import socket
import struct

_SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, _NLMSG_ERROR = 20, 1, 2
_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_REQUEST = struct.Struct("=BBBxI")  # struct inet_diag_req_v2, up to the socket's id
_ID = struct.Struct("!HH16s16s")  # struct inet_diag_sockid, up to its interface: any; and its cookie: any
_ANY_INTERFACE_AND_COOKIE = struct.pack("=III", 0, 0xFFFFFFFF, 0xFFFFFFFF)
_STATE_AT, _LISTEN = _HEADER.size + 1, 10  # idiag_state
_QUEUES = struct.Struct("=II")
_QUEUES_AT = _HEADER.size + 4 + _ID.size + len(_ANY_INTERFACE_AND_COOKIE) + 4  # in struct inet_diag_msg
_LOOPBACK = socket.inet_aton("127.0.0.1") + bytes(12)


def _ask(port, peer_port):
    """The kernel's answer on the socket at `port` of loopback whose peer is at `peer_port`; its errno where it has
    none."""
    request = (_REQUEST.pack(socket.AF_INET, socket.IPPROTO_TCP, 0, 0xFFFFFFFF)
               + _ID.pack(port, peer_port, _LOOPBACK, _LOOPBACK) + _ANY_INTERFACE_AND_COOKIE)
    header = _HEADER.pack(_HEADER.size + len(request), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 1, 0)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as netlink:  # NETLINK_SOCK_DIAG
        netlink.sendto(header + request, (0, 0))
        answer = netlink.recv(4096)
    if _HEADER.unpack_from(answer)[1] == _NLMSG_ERROR:
        return answer, -struct.unpack_from("=i", answer, _HEADER.size)[0]
    return answer, 0


def waits_in_kernel(port, peer_port):
    """(unread, unsent): bytes that wait in the socket at `port` of loopback whose peer is at `peer_port`, of which the
    program has not read the ones, and the peer's TCP has not acknowledged the others."""
    answer, error = _ask(port, peer_port)
    assert error == 0, f"no socket from {port} to {peer_port}: {os.strerror(error)}"
    return _QUEUES.unpack_from(answer, _QUEUES_AT)


def is_connected(port, peer_port):
    """Whether TCP knows of that connection at its end at `port`: not once a reset has come."""
    answer, error = _ask(port, peer_port)
    return error == 0 and answer[_STATE_AT] != _LISTEN  # who asks for a connection that is gone is told of its listener
