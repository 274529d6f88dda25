"""Files that lie where an item is to be written, and what becomes of them: nobody's work is overwritten unsaid.

This item's own result of an earlier run, unchanged since, is replaced. Anything else (another job's result, a file that
somebody edited, one that reelmend never wrote) is set aside in `_reelmend/replaced/`, refused or overwritten, as
`run.existing` says.

A process may die after it has published and before it has recorded that. So what is about to be published is written
down first: the next run knows it for its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from reelmend.pipelines.choices import Existing
from reelmend.pipelines.errors import OutputTaken
from reelmend.pipelines.stages.finished import made_for, read_record
from reelmend.pipelines.stages.worker_context import WorkerContext
from reelmend.pipelines.storage.artifacts import get_json, put_json
from reelmend.pipelines.storage.files import mark_of
from reelmend.pipelines.storage.ledger import ItemFacts
from reelmend.pipelines.storage.location import Entry, Location
from reelmend.pipelines.storage.run_layout import REPLACED
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.hashing import digest_of

_ADVICE = "move it, choose another --out, or set run.existing=aside, which keeps it, or run.existing=overwrite"


@dataclass(frozen=True)
class _There:
    """What is in an output's place."""

    whose: str
    """In words; empty: this item's own."""


class Way:
    """The way for one output into its place."""

    def __init__(self, item: Item, output: Location, digests: tuple[str, str], worker_context: WorkerContext) -> None:
        """`digests` are those of its video and mask."""
        self._item, self._output, self._digests, self._worker_context = item, output, digests, worker_context
        self._made_for = made_for(item, worker_context.settings(item))
        self.facts: dict[str, str | int | float] = {}
        self.note = ""
        """For a person: what was set aside, and where it is now."""

    def refuse_early(self) -> None:
        """Raise OutputTaken where publishing would, before any work is done."""
        if self._worker_context.context.job.run.existing is Existing.refuse:
            self._refuse(self._look())

    def make(self, staged: Path) -> None:
        """Called with the finished file or folder, before it is published. Raises OutputTaken, StoreError."""
        there, existing = self._look(), self._worker_context.context.job.run.existing
        if there is not None and not there.whose:
            self.facts |= ItemFacts(replaced_own=1).to_map()
        elif there is not None and existing is Existing.aside:
            self._set_aside(there)
        elif existing is Existing.refuse:
            self._refuse(there)
        parts = self._worker_context.files.parts_of(staged) or []
        coming = {"mark": mark_of(parts), "sizes": _sizes(parts), "made_for": self._made_for}
        put_json(self._worker_context.store, self._coming, coming)

    def end(self) -> None:
        """Called when the output's record is written."""
        self._worker_context.store.delete(self._coming)

    @property
    def _coming(self) -> str:
        return f"coming/{digest_of('coming', str(self._output))}"

    def _refuse(self, there: _There | None) -> None:
        if there is not None and there.whose:
            raise OutputTaken(f"{self._output}: already exists and is {there.whose}; {_ADVICE}")

    def _set_aside(self, there: _There) -> None:
        folder = self._worker_context.context.work / REPLACED / self._worker_context.context.run_id
        target = folder / self._item.id.rpartition("/")[0] / self._output.name
        kept = self._worker_context.files.set_aside(self._output, target)
        self.facts |= ItemFacts(set_aside=str(kept)).to_map()
        self.note = f"the earlier {self._output} was {there.whose}; it was moved to {kept}"

    def _look(self) -> _There | None:
        parts = self._worker_context.files.parts_of(self._output)
        if not parts:  # an empty folder is nobody's
            return None
        mark, done = mark_of(parts), read_record(self._item, self._worker_context)
        if done is not None and done.output == self._output and done.output_mark == mark:
            return _There(self._other(done.made_for, *(seen.digest for seen in done.sources)))
        coming = get_json(self._worker_context.store, self._coming)
        if coming is not None:
            is_it = coming["mark"] == mark if isinstance(self._output, Path) else coming["sizes"] == _sizes(parts)
            if is_it:
                return _There(self._other(coming["made_for"]))
        if done is not None and done.output == self._output:
            return _There("a result of reelmend that was modified since")
        return _There("a file that this output folder has no record of")

    def _other(self, before: Mapping[str, str], video_digest: str = "", mask_digest: str = "") -> str:
        """Return whose result it is if it is of another job or another item; older records do not say."""
        if not before:
            return ""
        video, mask = self._digests
        same = before["job"] == self._made_for["job"]
        same &= before["video"] == self._made_for["video"] or video_digest == video
        same &= before["mask"] == self._made_for["mask"] or mask_digest == mask
        same &= before.get("frames", "") == self._made_for.get("frames", "")  # a range does not replace the whole
        mask_said = f" and {before['mask']}" if before["mask"] else ""
        mask_said += f", frames={before['frames']}" if "frames" in before else ""
        return "" if same else f"the result of another job ({before['job']}, from {before['video']}{mask_said})"


def _sizes(parts: list[Entry]) -> str:
    return digest_of("sizes", [(part.place.name, part.size) for part in parts])
