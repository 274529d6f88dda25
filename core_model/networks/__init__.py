"""The networks of ProPainter and RAFT, written from their papers; parameter names and shapes are the released ones'."""
