"""`make lint` shows checkov every pod that an overlay brings about, and lets nothing pass without a reason."""

import yaml

from deploy.check_overlays import DEPLOY, excepted, pods_of_ray
from tests.deploy.manifests import pod_templates, rendered

EXCEPTIONS = yaml.safe_load((DEPLOY / "exceptions.yaml").read_text())


def test_pods_that_kuberay_makes_are_checked_as_pods() -> None:
    documents = rendered("long-lived")
    pods = {pod["metadata"]["name"]: pod["spec"] for pod in pods_of_ray(documents)}
    of_ray = [template["spec"] for where, template in pod_templates(documents) if where.startswith("Ray")]
    assert len(of_ray) == len(pods) == 5
    assert all(spec in of_ray for spec in pods.values())
    assert set(pods) == {
        *("RayJob-reelmend-nightly-submitter", "RayJob-reelmend-nightly-head", "RayJob-reelmend-nightly-gpu"),
        *("RayCluster-reelmend-head", "RayCluster-reelmend-gpu"),
    }


def test_every_exception_has_its_reason() -> None:
    for check, places in EXCEPTIONS.items():
        assert all(len(reason.split()) > 3 for reason in places.values()), check


def test_what_is_not_excepted_is_found() -> None:
    assert excepted(("CKV_K8S_43", "CronJob/reelmend-nightly", ""), EXCEPTIONS)
    assert not excepted(("CKV_K8S_38", "StatefulSet/reelmend-redis", ""), EXCEPTIONS)
    assert not excepted(("CKV_K8S_16", "CronJob/reelmend-nightly", ""), EXCEPTIONS)
