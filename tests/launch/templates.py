"""A template as small as can be, and a patience as short."""

from reelmend.cluster.kubernetes.api import Document, Patience

TEMPLATE: Document = {
    "apiVersion": "ray.io/v1",
    "kind": "RayJob",
    "metadata": {"name": "nightly", "labels": {"app.kubernetes.io/instance": "gitops"}},
    "spec": {
        "suspend": True,
        "entrypoint": "reelmend run job.yaml",
        "backoffLimit": 1,
        "shutdownAfterJobFinishes": True,
        "ttlSecondsAfterFinished": 600,
        "rayClusterSpec": {"headGroupSpec": {}},
    },
}
QUICK = Patience(
    in_all_s=2.0,
    refused_s=0.5,
    first_wait_s=0.01,
    longest_wait_s=0.05,
    connect_s=1.0,
    answer_s=0.3,
    watch_s=1.0,
    between_watches_s=0.01,
)
