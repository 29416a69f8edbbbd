"""Certificates of the tests' own."""

import subprocess
from pathlib import Path
from shutil import which

import pytest


def self_signed(folder: Path, *, names: str = "IP:127.0.0.1") -> tuple[Path, Path]:
    """Key and certificate that nobody vouches for, by default for 127.0.0.1; skips without
    openssl.

    Args:
        names: its subjectAltName.
    """
    if which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = folder / "key.pem", folder / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=127.0.0.1", "-keyout", str(key)]
    command += ["-addext", f"subjectAltName={names}", "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return key, certificate
