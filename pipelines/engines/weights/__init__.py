"""Weights of the networks: where they come from, their verification, and reading.

    file = find("raft-things", "raft")      # a name of conf/weights.yaml, or a path
    network = load_network(file, "raft")

`find` needs no torch, so that a driver can say what is missing before any work.
"""

from reelmend.pipelines.engines.weights.find import WeightFile, find
from reelmend.pipelines.engines.weights.fit import load_network
from reelmend.pipelines.engines.weights.state import load_state

__all__ = ["WeightFile", "find", "load_network", "load_state"]
