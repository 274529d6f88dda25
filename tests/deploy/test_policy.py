"""No overlay breaks a rule, and every rule is broken by the manifest that it was written against."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.deploy import (
    alert_policy,  # noqa: F401  its rules register themselves
    ray_policy,  # noqa: F401
    schedule_policy,  # noqa: F401
)
from tests.deploy.manifests import OVERLAYS, Document, cluster_specs, one, rendered
from tests.deploy.policy import RULES, faults

Change = Callable[[list[Document]], None]
BREAKS: list[Any] = []
"""Pytest's parameters: (rule, overlay, change)."""


def breaks(rule: str, overlay: str = "gpu") -> Callable[[Change], Change]:
    """Register a change of an overlay's documents that the rule must find."""

    def register(change: Change) -> Change:
        BREAKS.append(pytest.param(rule, overlay, change, id=change.__name__.replace("_", " ").strip()))
        return change

    return register


def _cluster(documents: list[Document]) -> Document:
    return next(cluster_specs(documents))[1]


def _head(documents: list[Document]) -> Document:
    pod: Document = _cluster(documents)["headGroupSpec"]["template"]["spec"]
    return pod


def _worker(documents: list[Document], group: int = 0) -> Document:
    pod: Document = _cluster(documents)["workerGroupSpecs"][group]["template"]["spec"]
    return pod


def _cron(documents: list[Document]) -> Document:
    spec: Document = one(documents, "CronJob")["spec"]
    return spec


def _run(documents: list[Document]) -> Document:
    spec: Document = one(documents, "RayJob")["spec"]
    return spec


def _alert(documents: list[Document], name: str) -> Document:
    (group,) = one(documents, "PrometheusRule")["spec"]["groups"]
    found: Document = next(alert for alert in group["rules"] if alert["alert"] == name)
    return found


@breaks("images_are_pinned_and_the_projects_own_is_this_version")
def a_moving_tag(documents: list[Document]) -> None:
    _head(documents)["containers"][0]["image"] = "reelmend:latest"


@breaks("images_are_pinned_and_the_projects_own_is_this_version")
def no_tag_in_an_init_container(documents: list[Document]) -> None:
    _head(documents)["initContainers"][0]["image"] = "reelmend"


@breaks("images_are_pinned_and_the_projects_own_is_this_version")
def last_years_image(documents: list[Document]) -> None:
    _head(documents)["containers"][0]["image"] = "example.org/reelmend:0.0.9"


@breaks("quantities_are_kubernetes_own")
def a_unit_that_is_none(documents: list[Document]) -> None:
    _cron(documents)["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"] = {
        "memory": "512Mib"
    }


@breaks("quantities_are_kubernetes_own")
def a_disk_of_no_size(documents: list[Document]) -> None:
    _head(documents)["volumes"][1]["emptyDir"]["sizeLimit"] = "20 GB"


@breaks("memory_is_limited_to_what_is_requested")
def memory_without_a_limit(documents: list[Document]) -> None:
    del _worker(documents)["containers"][0]["resources"]["limits"]["memory"]


@breaks("gpus_are_whole_and_requested_as_they_are_limited")
def a_gpu_that_is_only_requested(documents: list[Document]) -> None:
    del _worker(documents)["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]


@breaks("gpus_are_whole_and_requested_as_they_are_limited")
def half_a_gpu(documents: list[Document]) -> None:
    resources = _worker(documents)["containers"][0]["resources"]
    resources["limits"]["nvidia.com/gpu"] = resources["requests"]["nvidia.com/gpu"] = "500m"


@breaks("pods_keep_the_restricted_standard")
def a_pod_as_root(documents: list[Document]) -> None:
    _worker(documents)["securityContext"]["runAsUser"] = 0


@breaks("pods_keep_the_restricted_standard")
def a_submitter_without_a_security_context(documents: list[Document]) -> None:
    del _run(documents)["submitterPodTemplate"]["spec"]["containers"][0]["securityContext"]


@breaks("pods_keep_the_restricted_standard", overlay="gpu-spot")
def an_autoscaler_without_a_security_context(documents: list[Document]) -> None:
    del _cluster(documents)["autoscalerOptions"]["securityContext"]


@breaks("only_who_talks_to_the_api_has_a_token")
def a_worker_with_a_token(documents: list[Document]) -> None:
    _worker(documents)["automountServiceAccountToken"] = True


@breaks("only_who_talks_to_the_api_has_a_token", overlay="gpu-spot")
def an_autoscaler_without_a_token(documents: list[Document]) -> None:
    _head(documents)["automountServiceAccountToken"] = False


@breaks("only_who_talks_to_the_api_has_a_token")
def the_default_account(documents: list[Document]) -> None:
    del _worker(documents)["serviceAccountName"]


@breaks("the_launcher_may_handle_rayjobs_and_nobody_more")
def a_launcher_that_reads_secrets(documents: list[Document]) -> None:
    one(documents, "Role")["rules"].append({"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]})


@breaks("what_a_pod_names_exists")
def a_configmap_that_was_renamed(documents: list[Document]) -> None:
    one(documents, "ConfigMap", "reelmend-job")["metadata"]["name"] = "reelmend-job-h4sh"


@breaks("what_a_pod_names_exists")
def a_mount_of_nothing(documents: list[Document]) -> None:
    _head(documents)["volumes"].pop()


@breaks("names_in_a_list_are_unique")
def a_container_twice(documents: list[Document]) -> None:
    _head(documents)["containers"] *= 2


@breaks("weights_are_checked_before_a_pod_starts")
def weights_that_nobody_compares(documents: list[Document]) -> None:
    _worker(documents)["initContainers"][0]["args"] = ["reelmend weights pull --all --accept-license"]


@breaks("jobs_hold_no_secrets", overlay="long-lived")
def a_password_in_a_manifest(documents: list[Document]) -> None:
    redis = one(documents, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    redis["env"] = [{"name": "REDIS_PASSWORD", "value": "hunter2"}]


@breaks("no_secret_stands_on_a_command_line", overlay="long-lived")
def a_password_in_the_arguments(documents: list[Document]) -> None:
    redis = one(documents, "StatefulSet")["spec"]["template"]["spec"]["containers"][0]
    reference = {"secretKeyRef": {"name": "reelmend-redis", "key": "password"}}
    redis["env"] = [{"name": "REDIS_PASSWORD", "valueFrom": reference}]
    redis["args"] = ["--requirepass", "$(REDIS_PASSWORD)"]


@breaks("images_are_read_only")
def a_worker_that_may_change_its_image(documents: list[Document]) -> None:
    del _worker(documents)["containers"][0]["securityContext"]["readOnlyRootFilesystem"]


@breaks("pods_that_read_strangers_files_reach_only_what_they_need")
def workers_that_reach_everything(documents: list[Document]) -> None:
    del one(documents, "NetworkPolicy", "ray-nodes")["spec"]["egress"][2]["to"]


@breaks("pods_that_read_strangers_files_reach_only_what_they_need")
def workers_that_reach_the_machines_metadata(documents: list[Document]) -> None:
    del one(documents, "NetworkPolicy", "ray-nodes")["spec"]["egress"][2]["to"][0]["ipBlock"]["except"]


@breaks("pods_that_read_strangers_files_reach_only_what_they_need")
def workers_that_nothing_holds_back(documents: list[Document]) -> None:
    policy = one(documents, "NetworkPolicy", "ray-nodes")["spec"]
    policy["policyTypes"] = ["Ingress"]


@breaks("nobody_reaches_ray_but_those_who_are_named")
def an_open_namespace(documents: list[Document]) -> None:
    documents.remove(one(documents, "NetworkPolicy", "nobody-from-outside"))


@breaks("nobody_reaches_ray_but_those_who_are_named")
def a_port_for_everybody(documents: list[Document]) -> None:
    del one(documents, "NetworkPolicy", "ray-nodes")["spec"]["ingress"][1]["from"]


@breaks("the_namespace_enforces_the_restricted_standard")
def a_namespace_that_enforces_nothing(documents: list[Document]) -> None:
    del one(documents, "Namespace")["metadata"]["labels"]


@breaks("jobs_are_yaml_that_says_what_to_restore")
def results_on_a_pods_disk(documents: list[Document]) -> None:
    one(documents, "ConfigMap", "reelmend-job")["data"]["job.yaml"] = "out: /scratch/out"


@breaks("the_submitter_is_let_in")
def a_submitter_without_its_label(documents: list[Document]) -> None:
    del one(documents, "RayJob")["spec"]["submitterPodTemplate"]["metadata"]


@breaks("a_driver_that_is_told_to_stop_has_the_time_to", overlay="long-lived")
def a_driver_that_is_killed_at_once(documents: list[Document]) -> None:
    del one(documents, "RayCluster")["spec"]["headGroupSpec"]["template"]["spec"]["containers"][0]["env"]


@breaks("a_driver_that_is_told_to_stop_has_the_time_to")
def a_head_that_goes_before_its_driver(documents: list[Document]) -> None:
    head = one(documents, "RayJob")["spec"]["rayClusterSpec"]["headGroupSpec"]
    del head["template"]["spec"]["terminationGracePeriodSeconds"]


@breaks("ray_is_the_version_of_the_lock")
def an_operator_told_of_another_ray(documents: list[Document]) -> None:
    _cluster(documents)["rayVersion"] = "2.59.0"


@breaks("ray_wants_a_token", overlay="long-lived")
def a_cluster_without_a_token(documents: list[Document]) -> None:
    one(documents, "RayCluster")["spec"]["authOptions"]["mode"] = "disabled"


@breaks("submission_modes_are_kuberays")
def a_mode_in_the_wrong_case(documents: list[Document]) -> None:
    _run(documents)["submissionMode"] = "K8SJobMode"


@breaks("the_submitter_has_no_command_of_its_own")
def a_submitter_with_a_command(documents: list[Document]) -> None:
    _run(documents)["submitterPodTemplate"]["spec"]["containers"][0]["command"] = ["ray", "job", "submit"]


@breaks("a_template_is_suspended_and_its_clusters_end")
def a_template_that_runs(documents: list[Document]) -> None:
    del _run(documents)["suspend"]


@breaks("a_template_is_suspended_and_its_clusters_end")
def a_cluster_that_stays(documents: list[Document]) -> None:
    _run(documents)["shutdownAfterJobFinishes"] = False


@breaks("a_template_is_suspended_and_its_clusters_end", overlay="kueue")
def a_template_in_a_queue(documents: list[Document]) -> None:
    one(documents, "RayJob")["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] = "reelmend"


@breaks("the_head_does_no_work_and_start_parameters_are_strings")
def a_head_that_works(documents: list[Document]) -> None:
    del _cluster(documents)["headGroupSpec"]["rayStartParams"]["num-cpus"]


@breaks("the_head_does_no_work_and_start_parameters_are_strings")
def a_number_for_ray_start(documents: list[Document]) -> None:
    _cluster(documents)["workerGroupSpecs"][0]["rayStartParams"]["object-store-memory"] = 500000000


@breaks("ray_spills_to_a_limited_disk")
def spilling_into_the_containers_own_layer(documents: list[Document]) -> None:
    del _cluster(documents)["workerGroupSpecs"][0]["rayStartParams"]["object-spilling-directory"]


@breaks("groups_scale_within_their_bounds_or_not_at_all", overlay="kueue")
def scaling_that_kueue_cannot_count(documents: list[Document]) -> None:
    _cluster(documents)["workerGroupSpecs"][0]["minReplicas"] = 0


@breaks("groups_scale_within_their_bounds_or_not_at_all", overlay="gpu-spot")
def a_priority_for_the_old_autoscaler(documents: list[Document]) -> None:
    _cluster(documents)["autoscalerOptions"]["version"] = "v1"


@breaks("spot_machines_are_tolerated_and_not_the_only_ones", overlay="gpu-spot")
def nothing_but_spot(documents: list[Document]) -> None:
    _cluster(documents)["workerGroupSpecs"].pop()


@breaks("spot_machines_are_tolerated_and_not_the_only_ones", overlay="gpu-spot")
def spot_machines_that_are_not_tolerated(documents: list[Document]) -> None:
    del _worker(documents)["tolerations"]


@breaks("the_heads_state_outlives_it_where_the_cluster_stays", overlay="long-lived")
def a_cluster_that_stays_without_redis(documents: list[Document]) -> None:
    del one(documents, "RayCluster")["spec"]["gcsFaultToleranceOptions"]


@breaks("monitors_look_at_ports_that_pods_have")
def a_monitor_of_no_port(documents: list[Document]) -> None:
    _head(documents)["containers"][0]["ports"] = [{"name": "metrics", "containerPort": 8080}]


@breaks("schedules_are_times_that_come")
def the_twenty_fifth_hour(documents: list[Document]) -> None:
    _cron(documents)["schedule"] = "30 25 * * *"


@breaks("schedules_are_times_that_come")
def a_time_zone_of_nowhere(documents: list[Document]) -> None:
    _cron(documents)["timeZone"] = "Europe/Atlantis"


@breaks("runs_do_not_overlap_and_pods_end_once")
def a_policy_in_the_wrong_case(documents: list[Document]) -> None:
    _cron(documents)["concurrencyPolicy"] = "forbid"


@breaks("runs_do_not_overlap_and_pods_end_once")
def a_pod_that_restarts_for_ever(documents: list[Document]) -> None:
    _cron(documents)["jobTemplate"]["spec"]["template"]["spec"]["restartPolicy"] = "Always"


@breaks("deadlines_add_up")
def a_launcher_that_is_ended_before_its_run(documents: list[Document]) -> None:
    _run(documents)["activeDeadlineSeconds"] = 30000


@breaks("deadlines_add_up")
def a_second_attempt_that_nobody_sees(documents: list[Document]) -> None:
    _run(documents)["backoffLimit"] = 1


@breaks("deadlines_add_up", overlay="kueue")
def a_launcher_that_is_ended_while_its_run_is_in_the_queue(documents: list[Document]) -> None:
    _cron(documents)["jobTemplate"]["spec"]["activeDeadlineSeconds"] = 28800


@breaks("runs_do_not_overlap_and_pods_end_once")
def a_run_that_comes_back_when_it_was_deleted(documents: list[Document]) -> None:
    rules = _cron(documents)["jobTemplate"]["spec"]["podFailurePolicy"]["rules"]
    rules[1]["onExitCodes"]["values"].remove(4)


@breaks("names_leave_room_for_what_is_added_to_them")
def a_name_without_room_for_the_date(documents: list[Document]) -> None:
    one(documents, "RayJob")["metadata"]["name"] = "reelmend-" + "n" * 30


@breaks("the_cronjob_launches_what_is_there")
def a_template_of_another_name(documents: list[Document]) -> None:
    one(documents, "RayJob")["metadata"]["name"] = "nightly"


@breaks("the_cronjob_launches_what_is_there", overlay="long-lived")
def a_run_for_a_cluster_of_another_name(documents: list[Document]) -> None:
    one(documents, "RayCluster")["metadata"]["name"] = "ray"


@breaks("runs_are_sent_to_a_queue_that_is_there", overlay="kueue")
def a_queue_of_another_name(documents: list[Document]) -> None:
    one(documents, "LocalQueue")["metadata"]["name"] = "nights"


@breaks("a_run_asks_for_what_its_cluster_may_bring", overlay="gpu-spot")
def a_run_that_does_not_know_that_machines_come(documents: list[Document]) -> None:
    _run(documents)["entrypoint"] = "reelmend run /etc/reelmend/job.yaml --preset propainter"


@breaks("a_run_asks_for_what_its_cluster_may_bring", overlay="gpu-spot")
def a_run_that_asks_for_more_than_may_come(documents: list[Document]) -> None:
    _run(documents)["entrypoint"] = _run(documents)["entrypoint"].replace("inpaint_max=6", "inpaint_max=7")


@breaks("alerts_ask_for_metrics_and_labels_that_are_exported")
def an_alert_about_a_metric_of_nobody(documents: list[Document]) -> None:
    _alert(documents, "ReelmendNothingFinished")["expr"] = "ray_reelmend_items_left > 0"


@breaks("alerts_ask_for_metrics_and_labels_that_are_exported")
def an_alert_about_an_outcome_that_is_none(documents: list[Document]) -> None:
    alert = _alert(documents, "ReelmendManyItemsBad")
    alert["expr"] = alert["expr"].replace("quarantined", "broken")


@breaks("alerts_ask_for_metrics_and_labels_that_are_exported")
def an_alert_grouped_by_a_label_that_is_not_there(documents: list[Document]) -> None:
    alert = _alert(documents, "ReelmendNothingFinished")
    alert["expr"] = alert["expr"].replace("by (ray_io_cluster)", "by (pod)")


@breaks("alerts_say_how_bad_it_is_and_what_to_do")
def an_alert_that_says_nothing(documents: list[Document]) -> None:
    del _alert(documents, "ReelmendRunFailed")["annotations"]["description"]


@breaks("alerts_wait_as_long_as_the_cronjob_does")
def an_alert_before_the_night_is_missed(documents: list[Document]) -> None:
    _cron(documents)["startingDeadlineSeconds"] = 7200


@breaks("alerts_look_into_the_namespace_they_are_in")
def an_alert_about_another_namespace(documents: list[Document]) -> None:
    one(documents, "PrometheusRule")["metadata"]["namespace"] = "restoration"


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_an_overlay_breaks_no_rule(overlay: str) -> None:
    assert faults(rendered(overlay)) == []


@pytest.mark.parametrize(("rule", "overlay", "change"), BREAKS)
def test_a_broken_manifest_is_found(rule: str, overlay: str, change: Change) -> None:
    documents = rendered(overlay)
    assert not list(RULES[rule](documents))
    change(documents)
    assert list(RULES[rule](documents))


def test_every_rule_has_a_manifest_that_breaks_it() -> None:
    assert RULES.keys() == {parameter.values[0] for parameter in BREAKS}
