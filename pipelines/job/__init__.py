"""The request: job file, manifest, validation, output paths."""
