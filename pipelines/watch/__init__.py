"""What can be known of a run while it goes on and afterwards? Progress, figures, traces, diagnosis."""
