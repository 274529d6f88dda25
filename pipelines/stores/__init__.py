"""Storage of files, in folders and in buckets."""
