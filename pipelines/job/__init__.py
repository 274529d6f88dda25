"""What was asked: job file, manifest, validation, output paths."""
