"""YAML defaults and presets of a job; the fields themselves are declared in `pipelines/config.py`."""
