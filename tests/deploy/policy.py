"""What do the schemas miss? Rules that a manifest of ours must keep, each a generator of one line a fault.

`RULES` holds them all; `faults(documents)` asks every one. Files by subject: this one has what is true of any pod,
`ray_policy.py` what KubeRay wants, `schedule_policy.py` what the CronJob and its run must agree on.
"""

import re
import tomllib
from collections.abc import Callable, Iterator

import yaml

from tests.deploy.manifests import ROOT, Document, cluster_specs, containers, of_kind, pod_templates

Rule = Callable[[list[Document]], Iterator[str]]
RULES: dict[str, Rule] = {}

_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?")


def rule(check: Rule) -> Rule:
    RULES[check.__name__] = check
    return check


def faults(documents: list[Document]) -> list[str]:
    return [f"{name}: {fault}" for name, check in RULES.items() for fault in check(documents)]


@rule
def images_are_pinned_and_the_projects_own_is_this_version(documents: list[Document]) -> Iterator[str]:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    for where, container in containers(documents):
        name, _, tag = container["image"].rpartition(":")
        if not name or tag == "latest":
            yield f"{where}: image {container['image']} names no version"
        elif name.rsplit("/", 1)[-1] == "reelmend" and tag != version:
            yield f"{where}: image {container['image']} is not version {version}"


@rule
def quantities_are_kubernetes_own(documents: list[Document]) -> Iterator[str]:
    for where, container in containers(documents):
        for kind, amounts in container["resources"].items():
            for name, amount in amounts.items():
                if not _QUANTITY.fullmatch(str(amount)):
                    yield f"{where}: {kind}.{name} is {amount}"
    for where, template in pod_templates(documents):
        for volume in template["spec"].get("volumes", []):
            size = volume.get("emptyDir", {}).get("sizeLimit", "1Gi")
            if not _QUANTITY.fullmatch(str(size)):
                yield f"{where}: volume {volume['name']} is limited to {size}"


@rule
def memory_is_limited_to_what_is_requested(documents: list[Document]) -> Iterator[str]:
    for where, container in containers(documents):
        resources = container.get("resources", {})
        requested, limit = (resources.get(kind, {}).get("memory") for kind in ("requests", "limits"))
        if limit is None or requested != limit:
            yield f"{where}: requests {requested}, limited to {limit}"


@rule
def gpus_are_whole_and_requested_as_they_are_limited(documents: list[Document]) -> Iterator[str]:
    for where, container in containers(documents):
        resources = container.get("resources", {})
        requested, limit = (resources.get(kind, {}).get("nvidia.com/gpu") for kind in ("requests", "limits"))
        if requested != limit or (limit is not None and not str(limit).isdigit()):
            yield f"{where}: requests {requested} GPUs, limited to {limit}"


@rule
def pods_keep_the_restricted_standard(documents: list[Document]) -> Iterator[str]:
    for where, template in pod_templates(documents):
        security = template["spec"].get("securityContext", {})
        if not security.get("runAsNonRoot") or not security.get("runAsUser"):
            yield f"{where}: may run as root"
        if security.get("seccompProfile") != {"type": "RuntimeDefault"}:
            yield f"{where}: no seccomp profile"
        for key in ("hostNetwork", "hostPID", "hostIPC"):
            if template["spec"].get(key):
                yield f"{where}: {key}"
        for volume in template["spec"].get("volumes", []):
            if "hostPath" in volume:
                yield f"{where}: volume {volume['name']} is the machine's own disk"
    for where, container in [*containers(documents), *_autoscalers(documents)]:
        security = container.get("securityContext", {})
        if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
            yield f"{where}: may gain rights"
        if security.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{where}: keeps capabilities"


def _autoscalers(documents: list[Document]) -> Iterator[tuple[str, Document]]:
    """The container that KubeRay adds to the head when it is to scale."""
    for where, spec in cluster_specs(documents):
        if spec.get("enableInTreeAutoscaling"):
            yield f"{where} autoscaler", spec.get("autoscalerOptions", {})


@rule
def only_who_talks_to_the_api_has_a_token(documents: list[Document]) -> Iterator[str]:
    scaling = {f"{where} head" for where, spec in cluster_specs(documents) if spec.get("enableInTreeAutoscaling")}
    for where, template in pod_templates(documents):
        wanted = where.startswith("CronJob") or where in scaling
        if template["spec"].get("automountServiceAccountToken") is not wanted:
            yield f"{where}: automountServiceAccountToken must be {wanted}"
        if template["spec"].get("serviceAccountName", "default") == "default":
            yield f"{where}: runs as the default service account"
    for account in of_kind(documents, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"ServiceAccount {account['metadata']['name']}: hands its token to any pod"


@rule
def the_launcher_may_handle_rayjobs_and_nobody_more(documents: list[Document]) -> Iterator[str]:
    for role in of_kind(documents, "ClusterRole", "ClusterRoleBinding"):
        yield f"{role['kind']} {role['metadata']['name']}: reaches beyond the namespace"
    for role in of_kind(documents, "Role"):
        for granted in role["rules"]:
            if granted["apiGroups"] != ["ray.io"] or granted["resources"] != ["rayjobs"] or "*" in granted["verbs"]:
                yield f"Role {role['metadata']['name']}: grants {granted}"


@rule
def what_a_pod_names_exists(documents: list[Document]) -> Iterator[str]:
    there = {(document["kind"], document["metadata"]["name"]) for document in documents}
    for where, template in pod_templates(documents):
        spec = template["spec"]
        volumes = {volume["name"]: volume for volume in spec.get("volumes", [])}
        named = [("ServiceAccount", spec.get("serviceAccountName"))]
        for volume in volumes.values():
            if "configMap" in volume:
                named.append(("ConfigMap", volume["configMap"]["name"]))
            if "persistentVolumeClaim" in volume:
                named.append(("PersistentVolumeClaim", volume["persistentVolumeClaim"]["claimName"]))
        for kind, name in named:
            if (kind, name) not in there:
                yield f"{where}: {kind} {name} is not there"
        claimed = {"data"} if where.startswith("StatefulSet") else set()
        for container in [*spec.get("initContainers", []), *spec["containers"]]:
            for mount in container.get("volumeMounts", []):
                if mount["name"] not in volumes.keys() | claimed:
                    yield f"{where}: container {container['name']} mounts {mount['name']}, which is no volume"


@rule
def names_in_a_list_are_unique(documents: list[Document]) -> Iterator[str]:
    for where, template in pod_templates(documents):
        spec = template["spec"]
        for key in ("containers", "initContainers", "volumes"):
            names = [part["name"] for part in spec.get(key, [])]
            if len(names) != len(set(names)):
                yield f"{where}: {key} has a name twice"


@rule
def weights_are_checked_before_a_pod_starts(documents: list[Document]) -> Iterator[str]:
    for where, container in containers(documents):
        script = " ".join(container.get("args", []))
        if "weights pull" in script and "sha256sum --check --strict" not in script:
            yield f"{where}: takes weights whose SHA-256 nobody compares"


@rule
def jobs_hold_no_secrets(documents: list[Document]) -> Iterator[str]:
    for document in of_kind(documents, "Secret"):
        yield f"Secret {document['metadata']['name']}: belongs into the cluster, not into a repository"
    for where, container in containers(documents):
        for variable in container.get("env", []):
            if re.search(r"PASSWORD|TOKEN|SECRET|_KEY", variable["name"]) and "value" in variable:
                yield f"{where}: {variable['name']} is written out"


@rule
def no_secret_stands_on_a_command_line(documents: list[Document]) -> Iterator[str]:
    for where, container in containers(documents):
        secret = [one["name"] for one in container.get("env", []) if "secretKeyRef" in one.get("valueFrom", {})]
        words = " ".join([*container.get("command", []), *container.get("args", [])])
        for name in secret:
            if f"$({name})" in words:
                yield f"{where}: {name} can be read in the list of processes"


@rule
def images_are_read_only(documents: list[Document]) -> Iterator[str]:
    for where, container in [*containers(documents), *_autoscalers(documents)]:
        if container.get("securityContext", {}).get("readOnlyRootFilesystem") is not True:
            yield f"{where}: may write to its image"


@rule
def pods_that_read_strangers_files_reach_only_what_they_need(documents: list[Document]) -> Iterator[str]:
    """Themselves, names, an object store over HTTPS, and what they keep their state in."""
    policies = [one for one in of_kind(documents, "NetworkPolicy") if "Egress" in one["spec"]["policyTypes"]]
    of_ray = [one for one in policies if "ray.io/is-ray-node" in str(one["spec"]["podSelector"])]
    if not of_ray:
        yield "no NetworkPolicy says what Ray's pods may reach"
    for policy in of_ray:
        name = policy["metadata"]["name"]
        for entry in policy["spec"]["egress"]:
            if not entry.get("to"):
                yield f"NetworkPolicy {name}: lets them reach everything"
            for peer in entry.get("to", []):
                metadata = "169.254.0.0/16" in peer.get("ipBlock", {}).get("except", [])
                if peer.get("ipBlock", {}).get("cidr") == "0.0.0.0/0" and not (metadata and entry.get("ports")):
                    yield f"NetworkPolicy {name}: lets them reach the machines' metadata, or any port"


@rule
def nobody_reaches_ray_but_those_who_are_named(documents: list[Document]) -> Iterator[str]:
    policies = of_kind(documents, "NetworkPolicy")
    closed = [one for one in policies if one["spec"]["podSelector"] == {} and not one["spec"].get("ingress")]
    if not closed or "Ingress" not in closed[0]["spec"]["policyTypes"]:
        yield "no NetworkPolicy closes the namespace"
    for one in policies:
        for entry in one["spec"].get("ingress", []):
            if not entry.get("from"):
                yield f"NetworkPolicy {one['metadata']['name']}: lets everybody in"


@rule
def the_namespace_enforces_the_restricted_standard(documents: list[Document]) -> Iterator[str]:
    for namespace in of_kind(documents, "Namespace"):
        if namespace["metadata"].get("labels", {}).get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"Namespace {namespace['metadata']['name']}: enforces no pod security standard"


@rule
def jobs_are_yaml_that_says_what_to_restore(documents: list[Document]) -> Iterator[str]:
    for document in of_kind(documents, "ConfigMap"):
        if text := document.get("data", {}).get("job.yaml"):
            job = yaml.safe_load(text)
            if not str(job.get("out", "")).startswith("s3://"):
                yield f"ConfigMap {document['metadata']['name']}: results lie where the cluster forgets them"
