"""Faults in what exit statuses, names and saved jobs say to those outside."""

from tests.mutants.fault import Fault

FAULTS = [
    Fault(
        "a run that gave up waiting for its store ends as if items had failed",
        "pipelines/observe/summary.py",
        "            return EXIT_TRY_AGAIN",
        "            return EXIT_INCOMPLETE",
        "storage/test_outage_in_runs.py::test_a_store_that_stays_away_stops_the_run_with_a_status_that_is_tried_again",
    ),
    Fault(
        "a store that is away before the run starts is not one to try again",
        "pipelines/cli/guard.py",
        "    return EXIT_TRY_AGAIN if isinstance(error, StoreAway) else EXIT_INCOMPLETE",
        "    return EXIT_INCOMPLETE",
        "storage/test_bad_input.py::test_an_endpoint_where_nobody_answers_is_named",
    ),
    Fault(
        "a name that is too long is found by the file system",
        "pipelines/job/path_policy.py",
        "    if too_long:",
        "    if False:",
        "job/test_manifest.py::test_a_name_that_cannot_be_used_costs_its_item_and_no_other",
    ),
    Fault(
        "two odd names have one id",
        "pipelines/job/path_policy.py",
        r'    mark = hashlib.sha256(f"{video}\0{name}".encode("utf-8", "surrogatepass")).hexdigest()[:8]',
        '    mark = hashlib.sha256(b"").hexdigest()[:8]',
        "job/test_manifest.py",
    ),
    Fault(
        "an item of an odd name shows it as it is",
        "pipelines/job/path_policy.py",
        "    return Item(shown, Path(visible(video)[: 2 * _LONGEST]), None, bounds.output(shown, suffix), problem=problem)",
        "    return Item(shown, Path(video[: 2 * _LONGEST]), None, bounds.output(shown, suffix), problem=problem)",
        "job/test_manifest.py",
    ),
    Fault(
        "a glob through folders enters hidden ones",
        "pipelines/storage/globbing.py",
        '            expression += "(?:[^/.][^/]*/)*" + ("[^/.][^/]*" if last else "")',
        '            expression += "(?:[^/]*/)*" + ("[^/.][^/]*" if last else "")',
        "storage/test_globbing.py",
    ),
    Fault(
        "the cache has one name for all users",
        "pipelines/stages/run_context.py",
        'Path(tempfile.gettempdir()) / f"reelmend-cache-{user_id()}"',
        'Path(tempfile.gettempdir()) / "reelmend-cache"',
        "security/test_copies.py",
    ),
    Fault(
        "a value from the environment is saved",
        "pipelines/job/environment.py",
        "            OmegaConf.update(kept, key, _refer(value, told))",
        "            pass",
        "security/test_redaction.py::test_what_came_from_the_environment_is_not_in_the_saved_job",
    ),
    Fault(
        "a value from the environment is saved where a list holds it",
        "pipelines/job/environment.py",
        "            OmegaConf.update(kept, key, [_refer(str(text), told) for text in value])",
        "            pass",
        "security/test_redaction.py::test_what_came_from_the_environment_is_not_in_the_saved_job",
    ),
    Fault(
        "an error is printed with the control characters of a name",
        "pipelines/cli/guard.py",
        "        typer.echo(visible(redact(line)), err=True)",
        "        typer.echo(redact(line), err=True)",
        "security/test_visible_names.py::test_an_error_shows_what_a_name_holds",
    ),
    Fault(
        "a table is printed with the control characters of a name",
        "pipelines/cli/screen.py",
        '            yield segment if segment.control else segment._replace(text=visible(segment.text, keep="\\n"))',
        "            yield segment",
        "security/test_visible_names.py",
    ),
    Fault(
        "a log line shows control characters",
        "pipelines/utils/logs.py",
        '        return visible(redact(super().format(record)), keep="\\n\\t")',
        "        return redact(super().format(record))",
        "security/test_visible_names.py",
    ),
    Fault(
        "Dolby Vision is lost without a word",
        "pipelines/media/side_data.py",
        "    return [_DOLBY_ALONE if alone else _DOLBY]",
        "    return []",
        "media/test_tags.py",
    ),
    Fault(
        "Dolby Vision without a picture for others is taken for an ordinary one",
        "pipelines/media/side_data.py",
        "    alone = header[_DOLBY_PROFILE] == 0 and header[_DOLBY_FULL_RANGE] == 1",
        "    alone = False",
        "media/test_tags.py",
    ),
]
