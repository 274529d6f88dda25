"""`reelmend report`: write the HTML report of a run."""

from reelmend.pipelines.cli.options import AsJson, Debug, Out, Preset, Words
from reelmend.pipelines.cli.past_run import find_past_run
from reelmend.pipelines.cli.screen import print_json
from reelmend.pipelines.utils.text import visible


def report(
    words: Words = None, preset: Preset = None, out: Out = None, as_json: AsJson = False, debug: Debug = False
) -> int:
    """Regenerate the HTML report of a run and print its path. Also works while the run is in progress.

    Example: `reelmend report --out out/`
    """
    from reelmend.pipelines.run.driver import make_report  # imports torch and PyAV, which --help does not need

    past = find_past_run(words, preset, out)
    path = make_report(past.context, past.files, past.summary, past.rows)
    if as_json:
        print_json({"report": str(path)})
    else:
        print(visible(str(path)))
    return 0
