"""What KubeRay's operator refuses or misunderstands, though its schemas let it pass."""

import math
import re
from collections.abc import Iterator

from reelmend.cluster.resources import lay_out
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.job.load import load_job
from tests.deploy.manifests import ROOT, Document, cluster_specs, of_kind
from tests.deploy.policy import rule


@rule
def ray_is_the_version_of_the_lock(documents: list[Document]) -> Iterator[str]:
    (locked,) = re.findall(r"^ray==(.+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    for where, spec in cluster_specs(documents):
        if spec.get("rayVersion") != locked:
            yield f"{where}: rayVersion {spec.get('rayVersion')}, the image holds {locked}"


@rule
def ray_wants_a_token(documents: list[Document]) -> Iterator[str]:
    for where, spec in cluster_specs(documents):
        if spec.get("authOptions", {}).get("mode") != "token":
            yield f"{where}: whoever reaches Ray's ports may run code"


@rule
def the_submitter_is_let_in(documents: list[Document]) -> Iterator[str]:
    admitted = [
        peer["podSelector"]["matchLabels"].items()
        for policy in of_kind(documents, "NetworkPolicy")
        if "ray.io/is-ray-node" in policy["spec"]["podSelector"].get("matchLabels", {})
        for entry in policy["spec"]["ingress"]
        for peer in entry["from"]
        if "podSelector" in peer
    ]
    for rayjob in of_kind(documents, "RayJob"):
        labels = rayjob["spec"]["submitterPodTemplate"].get("metadata", {}).get("labels", {})
        if not any(wanted <= labels.items() for wanted in admitted):
            yield f"RayJob {rayjob['metadata']['name']}: its submitter reaches no head"


@rule
def a_driver_that_is_told_to_stop_has_the_time_to(documents: list[Document]) -> Iterator[str]:
    grace_s = JobConfig().run.stop_grace_s
    for where, spec in cluster_specs(documents):
        pod = spec["headGroupSpec"]["template"]["spec"]
        if pod.get("terminationGracePeriodSeconds", 30) <= grace_s:
            yield f"{where}: the head's pod is killed before run.stop_grace_s ({grace_s:g}) is over"
        env = {one["name"]: one.get("value", "") for one in pod["containers"][0].get("env", [])}
        if float(env.get("RAY_JOB_STOP_WAIT_TIME_S", "3")) <= grace_s:
            yield f"{where}: `ray job stop` kills before run.stop_grace_s ({grace_s:g}) is over"


@rule
def submission_modes_are_kuberays(documents: list[Document]) -> Iterator[str]:
    for rayjob in of_kind(documents, "RayJob"):
        if rayjob["spec"].get("submissionMode") not in ("K8sJobMode", "HTTPMode", "SidecarMode"):
            yield f"RayJob {rayjob['metadata']['name']}: submissionMode {rayjob['spec'].get('submissionMode')}"


@rule
def the_submitter_has_no_command_of_its_own(documents: list[Document]) -> Iterator[str]:
    for rayjob in of_kind(documents, "RayJob"):
        for container in rayjob["spec"]["submitterPodTemplate"]["spec"]["containers"]:
            if "command" in container or "args" in container:
                yield f"RayJob {rayjob['metadata']['name']}: KubeRay's command submits once, another might twice"


@rule
def a_template_is_suspended_and_its_clusters_end(documents: list[Document]) -> Iterator[str]:
    for rayjob in of_kind(documents, "RayJob"):
        spec, where = rayjob["spec"], f"RayJob {rayjob['metadata']['name']}"
        if spec.get("suspend") is not True:
            yield f"{where}: would run when it is applied"
        if not spec.get("shutdownAfterJobFinishes"):
            yield f"{where}: its machines would stay; and a suspended RayJob must shut down"
        if "kueue.x-k8s.io/queue-name" in rayjob["metadata"].get("labels", {}):
            yield f"{where}: Kueue would admit the template itself"


@rule
def the_head_does_no_work_and_start_parameters_are_strings(documents: list[Document]) -> Iterator[str]:
    for where, spec in cluster_specs(documents):
        head = spec["headGroupSpec"]["rayStartParams"]
        if head.get("num-cpus") != "0":
            yield f"{where}: tasks could run beside the driver"
        for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
            parameters = group["rayStartParams"]
            if wrong := [key for key, value in parameters.items() if not isinstance(value, str)]:
                yield f"{where}: {wrong} must be strings"
            if "resources" in group and any(key.startswith("num-") for key in parameters):
                yield f"{where}: num-* beside a group's resources"


@rule
def ray_spills_to_a_limited_disk(documents: list[Document]) -> Iterator[str]:
    for where, spec in cluster_specs(documents):
        for group in [spec["headGroupSpec"], *spec["workerGroupSpecs"]]:
            folder = group["rayStartParams"].get("object-spilling-directory", "")
            pod = group["template"]["spec"]
            mounts = {mount["mountPath"]: mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
            volume = next((name for path, name in mounts.items() if folder.startswith(f"{path}/")), None)
            disk: Document = next(
                (one.get("emptyDir", {}) for one in pod.get("volumes", []) if one["name"] == volume), {}
            )
            if "sizeLimit" not in disk or disk.get("medium") == "Memory":
                yield f"{where}: {folder or 'the default'} is no limited disk"


@rule
def groups_scale_within_their_bounds_or_not_at_all(documents: list[Document]) -> Iterator[str]:
    for where, spec in cluster_specs(documents):
        scales = spec.get("enableInTreeAutoscaling", False)
        options = spec.get("autoscalerOptions", {})
        for group in spec["workerGroupSpecs"]:
            name = f"{where} group {group['groupName']}"
            least, wanted, most = group["minReplicas"], group["replicas"], group["maxReplicas"]
            if not least <= wanted <= most or (not scales and least != most):
                yield f"{name}: {wanted} of {least}..{most}, autoscaling {scales}"
            if "priority" in group and (not scales or options.get("version") != "v2"):
                yield f"{name}: a priority needs autoscaler v2"
        if scales and max(group["maxReplicas"] for group in spec["workerGroupSpecs"]) == 0:
            yield f"{where}: nothing could ever be brought"


@rule
def spot_machines_are_tolerated_and_not_the_only_ones(documents: list[Document]) -> Iterator[str]:
    for where, spec in cluster_specs(documents):
        groups = [(group, group["template"]["spec"]) for group in spec["workerGroupSpecs"]]
        spot = [pod for _, pod in groups if pod.get("nodeSelector", {}).get("capacity") == "spot"]
        if not spot:
            continue
        if len(spot) == len(groups) or all(group["minReplicas"] == 0 for group, _ in groups):
            yield f"{where}: without spot machines it would wait for ever"
        if any("capacity" not in {one["key"] for one in pod.get("tolerations", [])} for pod in spot):
            yield f"{where}: does not tolerate the taint of spot machines"
        if spec["headGroupSpec"]["template"]["spec"].get("nodeSelector", {}).get("capacity") != "on-demand":
            yield f"{where}: the head may be taken away"


@rule
def the_heads_state_outlives_it_where_the_cluster_stays(documents: list[Document]) -> Iterator[str]:
    for cluster in of_kind(documents, "RayCluster"):
        options = cluster["spec"].get("gcsFaultToleranceOptions", {})
        if "redisAddress" not in options or "valueFrom" not in options.get("redisPassword", {}):
            yield f"RayCluster {cluster['metadata']['name']}: a new head would know nothing"


@rule
def monitors_look_at_ports_that_pods_have(documents: list[Document]) -> Iterator[str]:
    for monitor in of_kind(documents, "PodMonitor"):
        side = monitor["spec"]["selector"]["matchLabels"]["ray.io/node-type"]
        asked = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
        for where, spec in cluster_specs(documents):
            for group in [spec["headGroupSpec"]] if side == "head" else spec["workerGroupSpecs"]:
                ports = {port["name"] for port in group["template"]["spec"]["containers"][0]["ports"]}
                if missing := asked - ports:
                    yield f"PodMonitor {monitor['metadata']['name']}: {where} has no port {', '.join(sorted(missing))}"


@rule
def a_run_asks_for_what_its_cluster_may_bring(documents: list[Document]) -> Iterator[str]:
    for rayjob in of_kind(documents, "RayJob"):
        spec, where = rayjob["spec"]["rayClusterSpec"], f"RayJob {rayjob['metadata']['name']}"
        pools = load_job(None, None, [word for word in rayjob["spec"]["entrypoint"].split() if "=" in word]).pools
        scales = spec.get("enableInTreeAutoscaling", False)
        if pools.autoscaling is not scales:
            yield f"{where}: the cluster scales: {scales}, its run believes: {pools.autoscaling}"
        if pools.autoscaling:
            asked = lay_out([], 0, gpu=True, limits=pools)
            gpus = sum(math.ceil(pool.size * pool.gpus) for pool in asked.pools)
            brought = sum(group["maxReplicas"] for group in spec["workerGroupSpecs"])
            if gpus > brought:
                yield f"{where}: its run would wait for {gpus} GPUs, {brought} may come"
