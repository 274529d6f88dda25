"""What each way to compute less saves, and what it costs: named cases, a row per way, measured against a plain row."""
