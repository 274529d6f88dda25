"""Savings and costs of each way to compute less: named cases, a row per way, measured against a plain row."""
