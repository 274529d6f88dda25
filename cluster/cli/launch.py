"""`reelmend launch`: run a RayJob on Kubernetes, as a CronJob's pod does."""

import logging
from typing import Annotated

import typer

from reelmend.pipelines.cli.options import AsJson, Debug
from reelmend.pipelines.cli.screen import console, print_json
from reelmend.pipelines.errors import EXIT_INTERRUPTED, ConfigError, ReelmendError

log = logging.getLogger(__name__)

Template = Annotated[
    str,
    typer.Argument(metavar="TEMPLATE", help="Name of the suspended RayJob to create runs from.", show_default=False),
]
JobName = Annotated[
    str,
    typer.Option(
        "--job-name",
        envvar="REELMEND_JOB_NAME",
        metavar="NAME",
        help="Name of the Kubernetes Job that started this command. The run is named after it, and the same name means"
        " the same run. For the Jobs of a CronJob, the name contains the scheduled time.",
    ),
]
Namespace = Annotated[
    str | None, typer.Option("--namespace", metavar="NAME", help="Namespace of the template. Default: the pod's own.")
]
Server = Annotated[
    str | None,
    typer.Option(
        "--server", metavar="URL", help="URL of the API as served by `kubectl proxy`. Default: the pod's own."
    ),
]
Labels = Annotated[
    list[str] | None, typer.Option("--label", metavar="KEY=VALUE", help="Label of the run, for example for a queue.")
]
OnCluster = Annotated[
    str | None,
    typer.Option("--on-cluster", metavar="NAME", help="Run on this RayCluster instead of creating one for the run."),
]
Keep = Annotated[int, typer.Option("--keep", min=0, help="Number of finished runs to keep; older ones are deleted.")]


def launch(
    template: Template,
    job_name: JobName,
    namespace: Namespace = None,
    server: Server = None,
    label: Labels = None,
    on_cluster: OnCluster = None,
    keep: Keep = 7,
    as_json: AsJson = False,
    debug: Debug = False,
) -> int:
    """Create a run on Kubernetes as a RayJob, wait for it, and exit with its exit status.

    With the same --job-name, it attaches to the existing run. It refuses to start (exit status 2) while another run of
    the template is alive. If it exits early (status 130: SIGTERM, or no answer from the API), the run continues.

    Example: `reelmend launch reelmend-nightly --job-name again --server http://127.0.0.1:8001 --namespace reelmend`
    """
    # These import HTTP libraries, which --help and other commands do not need.
    from reelmend.cluster.kubernetes.access import Access, access_from_pod
    from reelmend.cluster.kubernetes.api import ApiUnavailable, RayJobs
    from reelmend.cluster.kubernetes.launch import LaunchRequest, create_or_attach, prune, wait
    from reelmend.cluster.kubernetes.rayjob import run_name

    name = run_name(template, job_name)
    if server and not server.startswith(("http://", "https://")):
        raise ConfigError(f"--server {server}: expected the API's URL, such as http://127.0.0.1:8001")
    access = Access(server, namespace or "default") if server else access_from_pod(namespace)
    rayjobs, wish = RayJobs(access), LaunchRequest(template, name, _labels(label), on_cluster, keep)
    try:
        run, created = create_or_attach(rayjobs, wish)
    except ApiUnavailable as exc:
        log.error("%s; if rayjob=%s was created, it continues; run the same command again to attach", exc, name)
        return EXIT_INTERRUPTED
    log.info("rayjob=%s %s", name, "created" if created else "exists; attached")
    try:
        prune(rayjobs, wish)
        ended = wait(rayjobs, run)
    except ReelmendError as exc:  # whatever it is: the run is in progress, so this is not "never started"
        log.error("%s; rayjob=%s continues; run the same command again to attach", exc, name)
        return EXIT_INTERRUPTED
    if as_json:
        document = {"rayjob": name, "created": created, "exit_status": ended.exit_status, "what": ended.what}
        print_json(document)
    else:
        console().print(f"RayJob {name} {ended.what}", soft_wrap=True)
    return ended.exit_status


def _labels(given: list[str] | None) -> dict[str, str]:
    pairs = [word.partition("=") for word in given or ()]
    if wrong := [key for key, equals, _ in pairs if not equals or not key]:
        raise ConfigError(f"--label {wrong[0]}: give KEY=VALUE")
    return {key: value for key, _, value in pairs}
