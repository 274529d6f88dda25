"""Methods of optical flow that a job can put in front of its engine by `flow.method`."""
