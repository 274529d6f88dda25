"""Where do files lie, and how are they read and written there? In folders and in buckets."""
