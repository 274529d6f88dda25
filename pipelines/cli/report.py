"""`reelmend report`: what does a run look like?"""

from pipelines.cli.options import AsJson, Debug, Out, Preset, Words
from pipelines.cli.past_run import find_past_run
from pipelines.cli.screen import print_json
from pipelines.visible import visible


def report(
    words: Words = None, preset: Preset = None, out: Out = None, as_json: AsJson = False, debug: Debug = False
) -> int:
    """Write the HTML report of a run again, also while it goes on, and print its path.

    Example: `reelmend report --out out/`
    """
    from pipelines.run import make_report  # with it come torch and PyAV, which --help can do without

    past = find_past_run(words, preset, out)
    path = make_report(past.context, past.files, past.summary, past.rows)
    if as_json:
        print_json({"report": str(path)})
    else:
        print(visible(str(path)))
    return 0
