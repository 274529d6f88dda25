"""Placeholder until merged."""

from reelmend.pipelines.media.masks.sources.base import MaskSource


class DamageSource(MaskSource):
    name = "damage"
    summary = ""

    def digest(self):
        return "0"

    def seconds_per_frame(self, size):
        return 0.1

    def find(self, search):
        raise NotImplementedError
