"""`reelmend status`: how far is a run, or how did it end?"""

from pipelines.cli.options import AsJson, Debug, Out, Preset, Words
from pipelines.cli.past_run import find_past_run
from pipelines.cli.screen import console, print_json, print_summary


def status(
    words: Words = None, preset: Preset = None, out: Out = None, as_json: AsJson = False, debug: Debug = False
) -> int:
    """Show how far a run is, or how it ended, from the ledger beside its outputs.

    Example: `reelmend status --out out/`
    """
    past = find_past_run(words, preset, out)
    if as_json:
        print_json(past.summary.to_dict() | {"ended": past.ended})
        return 0
    screen = console()
    heading = f"run {past.summary.run_id} has ended" if past.ended else "the run goes on, or was killed"
    screen.print(f"{past.summary.name}: {heading}")
    print_summary(screen, past.summary, past.rows)
    return 0
