"""What can be known of a run: metrics, progress, summary, report, live page."""
