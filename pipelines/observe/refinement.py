"""Refinement of a run's items: blocks by engine, and the score before and after."""

import math
from collections.abc import Iterable, Mapping
from typing import Any

from reelmend.pipelines.storage.ledger import ItemFacts, ItemRow
from reelmend.pipelines.utils.units import counted


def refinement_totals(rows: Iterable[ItemRow]) -> dict[str, Any]:
    """Return how many `items` and `blocks` were restored again, `of_blocks` in these and all other items, `by` which
    engine, and the items' mean score `before` and `after`; nothing where no item was refined."""
    known = [ItemFacts.from_map(row.facts) for row in rows]
    refined = [facts for facts in known if facts.refined_blocks]
    if not refined:
        return {}
    before = math.fsum(facts.quality_before or 0.0 for facts in refined) / len(refined)
    after = math.fsum(facts.quality_score or 0.0 for facts in refined) / len(refined)
    return {
        "items": len(refined),
        "blocks": sum(facts.refined_blocks or 0 for facts in refined),
        "of_blocks": sum(facts.blocks or 0 for facts in known),
        "by": ", ".join(sorted({facts.refined_by or "" for facts in refined})),
        "before": round(before, 4),
        "after": round(after, 4),
    }


def refinement_in_words(totals: Mapping[str, Any]) -> str:
    """Return one line for a person; empty where nothing was refined."""
    if not totals:
        return ""
    blocks = f"{totals['blocks']} of {counted(totals['of_blocks'], 'block')} by {totals['by']}"
    scores = f"score {totals['before']:.2f} before, {totals['after']:.2f} after"
    return f"{blocks}, in {counted(totals['items'], 'item')} ({scores})"


def item_refinement_in_words(facts: ItemFacts) -> str:
    """Return one line on an item; empty where nothing of it was refined."""
    if not facts.refined_blocks:
        return ""
    blocks = f"{facts.refined_blocks} of {counted(facts.blocks or 0, 'block')} refined by {facts.refined_by}"
    return f"{blocks} (frames {facts.refined_frames}; score {facts.quality_before or 0.0:.2f} before)"
