"""What a pod finds in itself is enough to reach the API."""

import pytest

from reelmend.cluster.kubernetes.access import access_from_pod
from reelmend.pipelines.errors import SetupError


@pytest.fixture
def account(tmp_path, monkeypatch):
    for name, content in {"token": "secret\n", "ca.crt": "PEM", "namespace": "reelmend\n"}.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "6443")
    return tmp_path


def test_a_pod_knows_server_namespace_token_and_authority(account):
    access = access_from_pod(None, account)
    assert (access.url, access.namespace, access.ca_file) == ("https://10.0.0.1:6443", "reelmend", account / "ca.crt")
    assert access.headers() == {"Authorization": "Bearer secret"}


def test_another_namespace_may_be_asked_for(account):
    assert access_from_pod("restoration", account).namespace == "restoration"


def test_an_address_of_version_6_becomes_a_url(account, monkeypatch):
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "fd00::1")
    assert access_from_pod(None, account).url == "https://[fd00::1]:6443"


def test_a_pod_without_a_token_says_which_switch_is_missing(account):
    (account / "token").unlink()
    with pytest.raises(SetupError, match="automountServiceAccountToken: true"):
        access_from_pod(None, account)
