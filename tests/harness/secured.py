"""A Kafka broker that others reach only by SASL over TLS, and that lets nobody do what no ACL allows: a throwaway authority of
openssl, users by PLAIN and SCRAM-SHA-512, rights by ACL. The broker itself and the tests use a plain listener, whose user may do
everything."""

import subprocess

from confluent_kafka.admin import (AclBinding, AclOperation, AclPermissionType, ResourcePatternType, ResourceType, ScramCredentialInfo,
                                   ScramMechanism, UserScramCredentialUpsertion)

from . import process
from .kafka import LocalBroker

_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
_PLAIN = "org.apache.kafka.common.security.plain.PlainLoginModule required"


def _openssl(*arguments):
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)


class Authority:
    """An authority that signs for 127.0.0.1, for a day. `certificate` is its own, `keystore` the broker's key and certificate."""

    def __init__(self, folder):
        self.certificate, self.keystore = folder / "ca.pem", folder / "broker.pem"
        ca_key, key, request, signed, names = (folder / name for name in ("ca.key", "broker.key", "broker.csr", "broker.crt", "names"))
        elliptic = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        _openssl("req", "-x509", *elliptic, "-keyout", ca_key, "-out", self.certificate, "-days", 1, "-subj", "/CN=authority of a test",
                 "-addext", "keyUsage=critical,keyCertSign")
        _openssl("req", *elliptic, "-keyout", key, "-out", request, "-subj", "/CN=127.0.0.1")
        names.write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        _openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", ca_key, "-CAcreateserial", "-out", signed, "-days", 1,
                 "-extfile", names)
        self.keystore.write_text(key.read_text() + signed.read_text())


class SecuredBroker(LocalBroker):
    """`secured` is the address for users; `bootstrap` stays the plain one of the tests."""

    def __init__(self, folder, users, authority=None):
        """`users`: {name: password}, none of whom has a right. Brokers with one `authority` trust the same certificate."""
        folder.mkdir(parents=True, exist_ok=True)
        self.users = users
        self.authority = authority or Authority(folder)
        self.secured = f"127.0.0.1:{process.free_port()}"
        plain = "PLAINTEXT://127.0.0.1:{port}"
        known = " ".join(f'user_{name}="{password}"' for name, password in users.items())
        super().__init__(folder, **{
            "listeners": f"{plain},SECURED://{self.secured},CONTROLLER://127.0.0.1:{{controller}}",
            "advertised.listeners": f"{plain},SECURED://{self.secured}",
            "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SECURED:SASL_SSL",
            "listener.name.secured.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
            "listener.name.secured.scram-sha-512.sasl.jaas.config": _SCRAM,
            "listener.name.secured.plain.sasl.jaas.config": f"{_PLAIN} {known};",
            "listener.name.secured.ssl.keystore.type": "PEM",
            "listener.name.secured.ssl.keystore.location": self.authority.keystore,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS"})

    def start(self, timeout=60.0):
        super().start(timeout)
        wanted = [UserScramCredentialUpsertion(name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096), password.encode())
                  for name, password in self.users.items()]
        for done in self.admin.alter_user_scram_credentials(wanted).values():
            done.result(20)
        return self

    def login(self, user, mechanism="PLAIN"):
        """librdkafka's properties for one of the users. SCRAM-SHA-512 takes a librdkafka of 2.6.1 or newer: older ones repeat their
        nonce, which Kafka 4 refuses."""
        return {"bootstrap.servers": self.secured, "security.protocol": "sasl_ssl", "sasl.mechanism": mechanism, "sasl.username": user,
                "sasl.password": self.users[user], "ssl.ca.location": str(self.authority.certificate)}

    def allow(self, user, kind, name, *operations):
        """allow("app", "topic", "orders", "read", "write"); "*" is any name."""
        bindings = [AclBinding(ResourceType[kind.upper()], name, ResourcePatternType.LITERAL, f"User:{user}", "*",
                               AclOperation[operation.upper()], AclPermissionType.ALLOW) for operation in operations]
        for done in self.admin.create_acls(bindings, request_timeout=20).values():
            done.result(20)
