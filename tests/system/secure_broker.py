"""A broker whose doors are locked: certificates from an authority of the test's own, names with passwords.

    authority = Authority(folder / "ca")
    with SecureBroker(folder / "broker", authority) as broker:
        broker.address        # without a lock, for the test itself
        broker.tls            # TLS; clients show a certificate that the authority signed
        broker.sasl           # TLS and a password: SCRAM-SHA-512 or PLAIN
"""

from __future__ import annotations

import os
import pathlib
import subprocess

from confluent_kafka.admin import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from tests.system.broker import Broker, free_ports

USER = "forebay"
PASSWORD = "open sesame $7"
KEY_PASSWORD = "of the client's key"


def openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


class Authority:
    """Signs certificates. `certificate`: its own, in PEM."""

    def __init__(self, folder: pathlib.Path):
        self.folder = folder
        folder.mkdir(parents=True)
        self.certificate = folder / "ca.pem"
        openssl("req", "-x509", "-nodes", *self._new("ca"), "-out", self.certificate)

    def sign(self, name: str, host: str, password: str = "") -> tuple[pathlib.Path, pathlib.Path]:
        """A certificate for the host and its key, which the password locks."""
        request, certificate = self.folder / f"{name}.csr", self.folder / f"{name}.pem"
        lock = ["-passout", f"pass:{password}"] if password else ["-nodes"]
        openssl("req", "-new", *lock, *self._new(name), "-out", request)
        names = self.folder / f"{name}.names"
        names.write_text(f"subjectAltName={host}\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey",
                self.folder / "ca.key", "-days", 2, "-extfile", names, "-out", certificate)  # fmt: skip
        return certificate, self.folder / f"{name}.key"

    def _new(self, name: str) -> list[str]:
        key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        return [*key, "-subj", f"/CN={name}", "-keyout", str(self.folder / f"{name}.key")]


class SecureBroker(Broker):
    """`properties` are added, as a Broker's."""

    def __init__(
        self,
        folder: os.PathLike | str,
        authority: Authority,
        properties: dict[str, str] | None = None,
    ):
        super().__init__(folder)
        tls, sasl = free_ports(2)
        self.tls, self.sasl = f"localhost:{tls}", f"localhost:{sasl}"
        self.folder.mkdir(parents=True)
        certificate, key = authority.sign("broker", "DNS:localhost")
        store = self.folder / "store.pem"
        store.write_text(key.read_text() + certificate.read_text())
        module = "org.apache.kafka.common.security"
        plain = f'{module}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        doors = f"PLAINTEXT://{self.address},SSL://{self.tls},SASL_SSL://{self.sasl}"
        self._extra = {
            "listeners": f"{doors},CONTROLLER://127.0.0.1:{self._controller_port}",
            "advertised.listeners": doors,
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,"
            "SSL:SSL,SASL_SSL:SASL_SSL",
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(store),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(authority.certificate),
            "listener.name.ssl.ssl.client.auth": "required",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512,PLAIN",
            "connections.max.reauth.ms": "2000",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": f"{module}.scram."
            "ScramLoginModule required;",
            "listener.name.sasl_ssl.plain.sasl.jaas.config": plain,
        } | (properties or {})

    def start(self) -> "SecureBroker":
        super().start()
        self.set_password(PASSWORD)
        return self

    def set_password(self, password: str) -> None:
        """Of SCRAM. Clients that are in are asked for it every two seconds."""
        secret = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        change = UserScramCredentialUpsertion(USER, secret, password.encode())
        admin = self.admin()  # must live as long as the request
        admin.alter_user_scram_credentials([change])[USER].result(30)
