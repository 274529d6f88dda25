"""Networks and the arithmetic of one clip, on tensors and arrays: no files, no Ray, no config files."""
