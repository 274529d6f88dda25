"""A pod trusts its cluster's authority and no other, whatever the environment says."""

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reelmend.cluster.kubernetes.access import Access
from reelmend.cluster.kubernetes.api import RayJobs
from reelmend.pipelines.errors import SetupError
from tests.launch.api_server import ApiServer
from tests.launch.templates import QUICK


def _write_certificate(folder: Path) -> tuple[Path, Path]:
    """Write a certificate for this machine that is its own authority; return the paths of it and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir()
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(key.private_bytes(serialization.Encoding.PEM, *plain))
    return folder / "ca.crt", folder / "key.pem"


@pytest.fixture
def ca_file(server: ApiServer, tmp_path: Path) -> Path:
    """The server's authority; from here on it speaks TLS."""
    certificate, key = _write_certificate(tmp_path / "cluster")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return certificate


def test_the_clusters_own_authority_is_trusted_though_the_environment_names_another(
    server: ApiServer, ca_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger, _ = _write_certificate(tmp_path / "stranger")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(stranger))
    rayjobs = RayJobs(Access(server.url.replace("http:", "https:"), "reelmend", ca_file=ca_file), QUICK)
    assert rayjobs.get("nightly")["metadata"]["name"] == "nightly"


def test_another_authority_is_not_trusted(server: ApiServer, ca_file: Path, tmp_path: Path) -> None:
    stranger, _ = _write_certificate(tmp_path / "stranger")
    rayjobs = RayJobs(Access(server.url.replace("http:", "https:"), "reelmend", ca_file=stranger), QUICK)
    with pytest.raises(SetupError, match="is it the cluster's own API server"):
        rayjobs.get("nightly")
    assert server.asked == []
