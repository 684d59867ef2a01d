"""What start-up and -t say of the files that a configuration names for TLS."""

import json

import pytest
from harness import Authority, run_drover

_AUTHORITY = Authority()


@pytest.fixture(name="files")
def fixture_files(tmp_path):
    """Good ones, and bad ones in every way."""
    good, other = _AUTHORITY.issue("localhost"), _AUTHORITY.issue("localhost")
    garbage = tmp_path / "garbage"
    garbage.write_text("this is no PEM and no DER", encoding="ascii")
    broken = tmp_path / "broken.pem"
    broken.write_text(open(good.cert, encoding="ascii").read().replace("A", "B", 40), encoding="ascii")
    return {"cert": good.cert, "key": good.key, "other_key": other.key, "ca": _AUTHORITY.file,
            "crl": _AUTHORITY.crl(other), "ocsp": _AUTHORITY.ocsp(good), "garbage": str(garbage), "broken": str(broken),
            "missing": str(tmp_path / "missing.pem"), "directory": str(tmp_path)}


def _config(files, place=None, file=None):
    """All files good, but for one place."""
    certificate = {"cert": files["cert"], "key": files["key"], "ocsp": files["ocsp"]}
    listener = {"certificates": [certificate], "client_ca": files["ca"]}
    backend = {"ca": files["ca"], "crl": files["crl"], "server_name": "localhost"}
    for table in (certificate, listener, backend):
        for key in table:
            if place and place in (key, f"backend.{key}") and (table is backend) == place.startswith("backend."):
                table[key] = files[file]
    return {"listeners": [{"bind": "127.0.0.1:0", "tls": listener}],
            "backends": [{"address": "127.0.0.1:1", "tls": backend}], "admin": {"bind": "127.0.0.1:0"}}


def _write(tmp_path, config):
    path = tmp_path / "drover.yaml"
    path.write_text(json.dumps(config), encoding="ascii")
    return str(path)


BAD = [
    ("cert", "missing", "no such file"), ("cert", "garbage", "no certificate"), ("cert", "key", "no certificate"),
    ("cert", "broken", "no certificate"), ("cert", "directory", "is a directory"),
    ("key", "missing", "no such file"), ("key", "garbage", "no private key"), ("key", "cert", "no private key"),
    ("key", "other_key", "does not belong"),
    ("ocsp", "missing", "no such file"), ("ocsp", "garbage", "no ocsp response"), ("ocsp", "cert", "no ocsp response"),
    ("client_ca", "missing", "no such file"), ("client_ca", "garbage", "no certificate"),
    ("backend.ca", "missing", "no such file"), ("backend.ca", "garbage", "no certificate"),
    ("backend.crl", "missing", "no such file"), ("backend.crl", "garbage", "revoked"),
    ("backend.crl", "ca", "revoked"),
]


@pytest.mark.parametrize("place,file,reason", BAD, ids=str)
def test_a_bad_file_is_named_with_its_reason(tmp_path, files, place, file, reason):
    path = _write(tmp_path, _config(files, place, file))
    for arguments in (("-t", "-c", path), ("-c", path)):
        done = run_drover(*arguments)
        assert done.returncode == 1, done.stderr
        (error,) = [line for line in done.stderr.splitlines() if "error" in line]
        assert files[file] in error and reason in error.lower(), error


def test_good_files_are_ok(tmp_path, files):
    done = run_drover("-t", "-c", _write(tmp_path, _config(files)))
    assert (done.returncode, done.stderr.count("error"), done.stderr.count("warning")) == (0, 0, 0), done.stderr


def test_all_errors_are_told_at_once(tmp_path, files):
    config = _config(files, "cert", "missing")
    config["backends"][0]["tls"]["ca"] = files["garbage"]
    config["listeners"].append({"bind": "127.0.0.1:0", "tls": {"certificates": [
        {"cert": files["cert"], "key": files["other_key"]}]}})
    done = run_drover("-t", "-c", _write(tmp_path, config))
    errors = [line for line in done.stderr.splitlines() if "error" in line]
    assert done.returncode == 1 and len(errors) == 3, done.stderr
    for file, error in zip(("missing", "other_key", "garbage"), errors):
        assert files[file] in error, error


def test_paths_are_relative_to_the_file(tmp_path, files):
    config = _config(files)
    for name in ("cert", "key"):
        (tmp_path / f"here-{name}.pem").write_bytes(open(files[name], "rb").read())
        (tmp_path / f"here-{name}.pem").chmod(0o600)
        config["listeners"][0]["tls"]["certificates"][0][name] = f"here-{name}.pem"
    assert run_drover("-t", "-c", _write(tmp_path, config)).returncode == 0


@pytest.mark.parametrize("days,concern", [
    ((-30, -1), "has expired"), ((1, 30), "is not valid yet"), ((-1, 5.5), "expires in 5 days"), ((-1, 15), None)])
def test_the_age_of_a_certificate_is_a_warning(tmp_path, files, days, concern):
    issued = _AUTHORITY.issue("localhost", days=days)
    config = _config(files)
    config["listeners"][0]["tls"]["certificates"] = [issued.files]
    done = run_drover("-t", "-c", _write(tmp_path, config))
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if "warning" in line]
    assert len(warnings) == (1 if concern else 0), done.stderr
    assert not concern or (issued.cert in warnings[0] and concern in warnings[0])


def test_a_key_that_everybody_can_read_is_a_warning(tmp_path, files):
    issued = _AUTHORITY.issue("localhost")
    config = _config(files)
    config["listeners"][0]["tls"]["certificates"] = [issued.files]
    path = _write(tmp_path, config)
    assert "warning" not in run_drover("-t", "-c", path).stderr
    (tmp_path / "open.pem").write_bytes(open(issued.key, "rb").read())
    (tmp_path / "open.pem").chmod(0o644)
    config["listeners"][0]["tls"]["certificates"] = [{"cert": issued.cert, "key": str(tmp_path / "open.pem")}]
    done = run_drover("-t", "-c", _write(tmp_path, config))
    assert done.returncode == 0
    (warning,) = [line for line in done.stderr.splitlines() if "warning" in line]
    assert str(tmp_path / "open.pem") in warning


def test_a_key_with_a_pass_phrase_is_an_error_and_asks_nobody(tmp_path, files):
    sealed = tmp_path / "sealed.pem"
    sealed.write_bytes(_AUTHORITY.sealed_key("secret"))
    config = _config(files)
    config["listeners"][0]["tls"]["certificates"][0]["key"] = str(sealed)
    done = run_drover("-t", "-c", _write(tmp_path, config))
    assert done.returncode == 1 and str(sealed) in done.stderr and "pass phrase" in done.stderr
