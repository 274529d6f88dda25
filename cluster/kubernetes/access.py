"""Address and credentials of the Kubernetes API."""

import os
from dataclasses import dataclass
from pathlib import Path

from reelmend.pipelines.errors import SetupError

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where every pod with a service account's token finds it; Kubernetes, "Accessing the API from within a pod"."""


@dataclass(frozen=True)
class Access:
    """One namespace of one API server."""

    url: str
    namespace: str
    token_file: Path | None = None
    """Read for each request: the kubelet replaces a token long before it expires."""
    ca_file: Path | None = None
    """PEM of the authorities that the server's certificate is checked against; None: the usual ones."""

    def headers(self) -> dict[str, str]:
        """Raises SetupError when the token cannot be read."""
        if self.token_file is None:
            return {}
        try:
            return {"Authorization": f"Bearer {self.token_file.read_text().strip()}"}
        except OSError as exc:
            raise SetupError(
                f"{self.token_file}: cannot be read ({exc.strerror}); does the pod mount a token?"
            ) from exc


def access_from_pod(namespace: str | None, account: Path = ACCOUNT) -> Access:
    """Return the access of the pod that this process runs in. Raises SetupError outside of one."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise SetupError(
            "not a pod of a Kubernetes cluster; elsewhere run kubectl proxy, then --server http://127.0.0.1:8001"
        )
    if not (account / "token").exists():
        raise SetupError(f"{account}/token: missing; the launcher's pod needs automountServiceAccountToken: true")
    own = (account / "namespace").read_text().strip()
    host = f"[{host}]" if ":" in host else host
    return Access(f"https://{host}:{port}", namespace or own, account / "token", account / "ca.crt")
