"""Dataset-scale video restoration."""
