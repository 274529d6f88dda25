"""Groups of workers that share a GPU: a whole GPU that Ray keeps for as many of them as fit.

Left to itself Ray would put two halves on the GPUs of two machines, where no worker that needs a whole one found a
place any more.
"""

from dataclasses import dataclass, field
from typing import Any

from ray.util.placement_group import PlacementGroup, placement_group, remove_placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

from reelmend.cluster.resources import Pool


@dataclass
class _Group:
    reserved: PlacementGroup
    pool: Pool
    workers: set[str] = field(default_factory=set)

    def has_room_for(self, pool: Pool, seats: int) -> bool:
        return self.pool.name == pool.name and len(self.workers) < seats


class SharedGpus:
    """The GPUs that a run's workers share."""

    def __init__(self) -> None:
        self._groups: list[_Group] = []
        self._seats: dict[str, int] = {}

    def measured(self, pool: Pool, fit: int) -> None:
        """A worker of this pool found that its GPU's memory holds so many like it; 0 where it could not measure."""
        self._seats[pool.name] = min(fit or pool.seats, self._seats.get(pool.name, pool.seats))

    def place(self, worker: str, pool: Pool) -> Any:
        """Return Ray's scheduling strategy for a worker that holds less than a GPU; GPUs are reserved as needed.

        Until one of them has measured its memory, each has a GPU alone.
        """
        seats = self._seats.get(pool.name, 1)
        group = next((group for group in self._groups if group.has_room_for(pool, seats)), None)
        if group is None:
            whole = {"GPU": 1.0, "CPU": pool.cpus * pool.seats}
            # Ray takes no bundle that names a resource it wants nothing of.
            bundle = {name: amount for name, amount in whole.items() if amount}
            group = _Group(placement_group([bundle]), pool)
            self._groups.append(group)
        group.workers.add(worker)
        return PlacementGroupSchedulingStrategy(group.reserved)

    def leave(self, worker: str) -> None:
        """A worker has ended, if it was one of these; a GPU that nobody is left on is given back."""
        for group in [group for group in self._groups if worker in group.workers]:
            group.workers.remove(worker)
            if not group.workers:
                remove_placement_group(group.reserved)
                self._groups.remove(group)
