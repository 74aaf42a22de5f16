"""A certificate authority of the tests' own, and a certificate for 127.0.0.1 that it signed."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.tools.deploy import optional


@dataclass(frozen=True)
class Certificates:
    authority: Path
    certificate: Path
    key: Path


def make(directory: Path) -> Certificates:
    openssl = optional.program("openssl", "openssl")
    directory.mkdir(parents=True, exist_ok=True)

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=directory, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=tests")
    run("req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=server of the tests")
    (directory / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
    run(
        *("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"),
        *("-out", "server.pem", "-days", "2", "-extfile", "names"),
    )
    for name in ("server.key", "server.pem", "ca.pem"):
        (directory / name).chmod(0o644)
    return Certificates(directory / "ca.pem", directory / "server.pem", directory / "server.key")
