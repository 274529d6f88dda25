"""A run and its parts: job, manifest, media, plan, store, stages, ledger and report. Nothing here imports Ray."""
