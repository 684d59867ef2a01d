"""What a scanner that others trust (testssl.sh) makes of a listener."""
# ctest: busy
# ctest: unsanitized

import json
import subprocess

import pytest
from harness import RawBackend
from harness.certificates import defaults

# Of testssl.sh's levels those that its users act upon. WARN is about the scan itself.
_ALARMING = {"MEDIUM", "HIGH", "CRITICAL", "FATAL"}
# A finding of each part that was asked for: a scan that has not come to it has found nothing either.
_EXPECTED = {"TLS1", "TLS1_2", "TLS1_3", "cipherlist_NULL", "cipherlist_STRONG", "PFS", "heartbleed", "secure_renego",
             "secure_client_renego", "LUCKY13", "RC4"}


@pytest.mark.parametrize("kind", ["P-256", "RSA-2048"])
def test_testssl_finds_nothing_that_alarms(start, tmp_path, kind):
    backend = RawBackend()
    certificate = defaults().authority.issue("localhost", "127.0.0.1", kind=kind)
    drover = start({"backends": [backend.address],
                    "listeners": [{"bind": "127.0.0.1:0", "tls": {"certificates": [certificate.files]}}]})
    report = tmp_path / "report.json"
    done = subprocess.run(
        ["testssl", "-p", "-s", "-f", "-U", "--quiet", "--color", "0", "--warnings", "off", "--jsonfile", report,
         f"127.0.0.1:{drover.port}"], capture_output=True, text=True, timeout=280, check=False)
    backend.close()
    findings = {finding["id"]: finding for finding in json.loads(report.read_text())}
    assert _EXPECTED <= findings.keys(), done.stdout + done.stderr
    assert findings["TLS1_3"]["severity"] == "OK" and findings["TLS1_2"]["severity"] == "OK"
    assert [finding for finding in findings.values() if finding["severity"] in _ALARMING] == []
