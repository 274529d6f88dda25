"""What a run is: job, manifest, media, plan, store, stages, ledger and report. Nothing here imports Ray."""
