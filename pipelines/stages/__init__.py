"""The four stages of an item, in order: probe, flow, inpaint, stitch. Each is a function of a task and a desk."""
