"""Runs on Kubernetes, and the return of their exit status to the CronJob.

Nothing here imports Ray: the launcher talks to the Kubernetes API, and KubeRay starts Ray.
"""
