"""How does a run get onto a Kubernetes cluster, and how does its end reach the CronJob that wanted it?

Nothing here imports Ray: the launcher talks to the Kubernetes API, and KubeRay starts Ray.
"""
