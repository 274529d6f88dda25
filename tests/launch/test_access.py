"""What a pod finds in itself is enough to reach the API."""

from pathlib import Path

import pytest

from reelmend.cluster.kubernetes.access import access_from_pod
from reelmend.pipelines.errors import SetupError


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, content in {"token": "secret\n", "ca.crt": "PEM", "namespace": "reelmend\n"}.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    return tmp_path


def test_a_pod_knows_server_namespace_token_and_authority(account: Path) -> None:
    access = access_from_pod(None, account)
    assert (access.url, access.namespace, access.ca_file) == ("https://10.0.0.1:6443", "reelmend", account / "ca.crt")
    assert access.headers() == {"Authorization": "Bearer secret"}


def test_another_namespace_may_be_asked_for(account: Path) -> None:
    assert access_from_pod("restoration", account).namespace == "restoration"


def test_an_address_of_version_6_becomes_a_url(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert access_from_pod(None, account).url == "https://[fd00::1]:6443"


def test_a_pod_without_a_token_says_which_switch_is_missing(account: Path) -> None:
    (account / "token").unlink()
    with pytest.raises(SetupError, match="automountServiceAccountToken: true"):
        access_from_pod(None, account)
