"""Ledger: one row per item beside the outputs, readable during the run and after a kill.

    ledger/head.json                 which parts hold the rows now, and what run wrote them; replaced in one step
    ledger/parts/RUN-00000.parquet   the rows, `PART_ROWS` a part; only parts with changed rows are written again
    ledger/events/RUN/000000.jsonl   every change of a row, in order; segments are added and never changed

A change is an event first. Now and then the parts catch up with the events, and the head says how far they have: a
reader takes the parts and replays the events behind them, so what the driver knew is there, however it ended. Rows of
items that a run leaves out stay as they were.
"""

from reelmend.pipelines.storage.ledger.facts import WEIGHTS_FACT, Facts, ItemFacts
from reelmend.pipelines.storage.ledger.read import LedgerView, read_ledger
from reelmend.pipelines.storage.ledger.rows import ItemRow, ItemState, least_sure_first

__all__ = [
    "WEIGHTS_FACT",
    "Facts",
    "ItemFacts",
    "ItemRow",
    "ItemState",
    "LedgerView",
    "least_sure_first",
    "read_ledger",
]
