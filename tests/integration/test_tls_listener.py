"""TLS between clients and Drover: which certificate is shown, which versions and protocols are spoken, what is never
done, and what backends are told."""

import itertools
import ssl
import subprocess

import pytest
from harness import (
    CLOSE, Authority, HandshakeFailed, client_context, client_frame, close_body, connect_plain, connect_tls,
    plain_request, s_client, s_client_renegotiates, switching, upgrade_request, wait_until)

_AUTHORITY = Authority()
_REQUEST = plain_request("GET / HTTP/1.1", "Host: localhost")  # Drover answers it, and ends the connection


@pytest.fixture(scope="module", name="localhost")
def fixture_localhost():
    return _AUTHORITY.issue("localhost", "127.0.0.1")


def _config(backend, *certificates, **tls):
    files = [certificate if isinstance(certificate, dict) else certificate.files for certificate in certificates]
    return {"listeners": [{"bind": "127.0.0.1:0", "tls": {"certificates": files, **tls}}],
            "backends": [backend.address], "timeouts": {"close": "1s"}}


def _context(**options):
    """A client that looks at whatever it is shown."""
    context = client_context(_AUTHORITY, **options)
    context.check_hostname = False
    return context


def _shown(port, name, context=None):
    """The certificate, in DER, that a client is shown who asks for that name."""
    stream = connect_tls(port, context or _context(), server_name=name)
    shown = stream.socket.tls.getpeercert(binary_form=True)
    stream.close()
    return shown


def _der(issued):
    return ssl.PEM_cert_to_DER_cert(open(issued.cert, encoding="ascii").read().split("-----END")[0] +
                                    "-----END CERTIFICATE-----\n")


@pytest.fixture(name="drover")
def fixture_drover(start, backend, localhost):
    return start(_config(backend, localhost))


def test_server_name_picks_the_certificate(start, backend):
    first, other, wildcard = (_AUTHORITY.issue(*names) for names in (
        ["first.example"], ["other.example", "another.example"], ["*.wild.example", "wild.example"]))
    drover = start(_config(backend, first, other, wildcard))
    for name, expected in {
            "first.example": first, "other.example": other, "another.example": other, "OTHER.example": other,
            "a.wild.example": wildcard, "b.wild.example": wildcard, "wild.example": wildcard,
            # None of them has these names, so it is the first.
            "a.b.wild.example": first, "xwild.example": first, "nobody.example": first, None: first}.items():
        assert _shown(drover.port, name) == _der(expected), name


def test_a_name_of_its_own_comes_before_a_wildcard(start, backend):
    wildcard, own = _AUTHORITY.issue("*.wild.example"), _AUTHORITY.issue("a.wild.example")
    drover = start(_config(backend, wildcard, own))
    assert _shown(drover.port, "a.wild.example") == _der(own)
    assert _shown(drover.port, "b.wild.example") == _der(wildcard)


@pytest.mark.parametrize("ecdsa_first", [True, False])
def test_of_two_kinds_for_a_name_a_client_is_shown_what_it_can_verify(start, backend, ecdsa_first):
    ecdsa, rsa = _AUTHORITY.issue("localhost"), _AUTHORITY.issue("localhost", kind="RSA-2048")
    drover = start(_config(backend, *((ecdsa, rsa) if ecdsa_first else (rsa, ecdsa))))
    for kind, certificate in (("ECDSA", ecdsa), ("RSA", rsa)):
        context = _context(highest="TLSv1_2")
        context.set_ciphers(f"ECDHE-{kind}-AES128-GCM-SHA256")
        assert _shown(drover.port, "localhost", context) == _der(certificate), kind
        algorithm = {"ECDSA": "ecdsa_secp256r1_sha256", "RSA": "rsa_pss_rsae_sha256"}[kind]
        told = s_client(drover.port, "-tls1_3", "-sigalgs", algorithm, say=_REQUEST)
        assert f"Peer signature type: {kind}" in told, told


def test_the_chain_is_shown_whole(start, backend):
    below = _AUTHORITY.below("Intermediate One").below("Intermediate Two")
    drover = start(_config(backend, below.issue("localhost")))
    client, server = _tunnel(drover, backend, client_context(_AUTHORITY))  # which knows the root alone
    client.close(), server.close()


def _tunnel(drover, backend, context, *headers):
    client = connect_tls(drover.port, context, upgrade_request("/chat", *headers))
    server = backend.accept()
    server.send(switching(server.read_head()))
    assert client.read_head().status == 101
    return client, server


@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_both_versions(drover, backend, version):
    client, server = _tunnel(drover, backend, _context(lowest=version, highest=version))
    assert client.socket.tls.version() == version.replace("_", ".")
    client.send(client_frame(CLOSE, close_body(1000)))
    assert server.read_frame().close_code == 1000


def _old_client(version):
    """As Debian's OpenSSL would not by itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    return context


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_refused(drover, version):
    with pytest.raises(HandshakeFailed) as failure:
        connect_tls(drover.port, _old_client(version))
    assert failure.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"


def test_min_version_1_3(start, backend, localhost):
    drover = start(_config(backend, localhost, min_version="1.3"))
    with pytest.raises(HandshakeFailed) as failure:
        connect_tls(drover.port, _context(highest="TLSv1_2"))
    assert failure.value.reason == "TLSV1_ALERT_PROTOCOL_VERSION"
    assert connect_tls(drover.port, _context()).socket.tls.version() == "TLSv1.3"


@pytest.mark.parametrize("offered,chosen", [
    (["http/1.1"], "http/1.1"), (["h2", "http/1.1"], "http/1.1"), (["http/1.1", "h2"], "http/1.1"), ([], None)])
@pytest.mark.parametrize("version", ["TLSv1_2", "TLSv1_3"])
def test_protocols(drover, backend, offered, chosen, version):
    client, _ = _tunnel(drover, backend, _context(protocols=offered, highest=version))
    assert client.socket.tls.selected_alpn_protocol() == chosen


@pytest.mark.parametrize("offered", [["h2"], ["h2", "http/1.0"], ["http/1.11", "http/1."]])
def test_protocols_without_http_1_1_are_refused(drover, offered):
    with pytest.raises(HandshakeFailed) as failure:
        connect_tls(drover.port, _context(protocols=offered))
    assert "no application protocol" in str(failure.value).lower()


def test_a_staple_is_sent_as_it_is(start, backend):
    plain, stapled = _AUTHORITY.issue("plain.example"), _AUTHORITY.issue("stapled.example")
    response = _AUTHORITY.ocsp(stapled)
    drover = start(_config(backend, plain, stapled.files | {"ocsp": response}))
    # OpenSSL prints all of it, the signature included; a printed one is as good as its bytes.
    expected = subprocess.run(["openssl", "ocsp", "-respin", response, "-resp_text", "-noverify"],
                              capture_output=True, text=True, check=True).stdout.strip()
    for version in ("-tls1_2", "-tls1_3"):
        told = s_client(drover.port, "-status", version, "-servername", "stapled.example", say=_REQUEST)
        assert _staple(told) == _staple(expected), told
        told = s_client(drover.port, "-status", version, "-servername", "plain.example", say=_REQUEST)
        assert "OCSP response: no response sent" in told


def _staple(text):
    lines = [line.rstrip() for line in text[text.index("OCSP Response Data:") :].splitlines()]
    signature = next(at for at, line in enumerate(lines) if "Signature Algorithm" in line)
    return lines[:signature] + list(itertools.takewhile(lambda line: line.startswith(" "), lines[signature:]))


def test_renegotiation_is_refused(drover):
    told = s_client_renegotiates(drover.port)
    assert "RENEGOTIATING" in told and "no renegotiation" in told, told
    assert connect_tls(drover.port, _context(), _REQUEST).read_head().status == 426


def test_backends_are_told_of_https(drover, backend):
    _, server = _tunnel_with_head(drover, backend, "X-Forwarded-Proto: http")
    assert server.get("X-Forwarded-Proto") == "https"
    assert server.get("X-Forwarded-Port") == str(drover.port)


def _tunnel_with_head(drover, backend, *headers):
    client = connect_tls(drover.port, _context(), upgrade_request("/", *headers))
    return client, backend.accept().read_head()


def test_one_listener_with_tls_and_one_without(start, backend, localhost):
    config = _config(backend, localhost)
    config["listeners"].append({"bind": "127.0.0.1:0"})
    drover = start(config)
    for client, scheme in ((connect_tls(drover.ports[0], _context(), upgrade_request()), "https"),
                           (connect_plain(drover.ports[1], upgrade_request()), "http")):
        server = backend.accept()
        head = server.read_head()
        assert head.get("X-Forwarded-Proto") == scheme
        server.send(switching(head))
        assert client.read_head().status == 101


def test_keys_are_logged_only_where_the_environment_says_so(start, backend, localhost, tmp_path):
    key_log = tmp_path / "keys"
    silent = start(_config(backend, localhost))
    assert connect_tls(silent.port, _context(), _REQUEST).read_head().status == 426
    drover = start(_config(backend, localhost), environment={"SSLKEYLOGFILE": str(key_log)})
    assert connect_tls(drover.port, _context(), _REQUEST).read_head().status == 426
    assert wait_until(lambda: key_log.exists() and key_log.read_text(encoding="ascii"), "keys").count(
        "CLIENT_HANDSHAKE_TRAFFIC_SECRET") == 1
    assert [line for line in drover.log().splitlines() if " warn " in line and str(key_log) in line]
    assert "keys" not in silent.log()
