"""Files on disks and in buckets, and what a run keeps there: artifacts, ledger, leases, flow cache."""
