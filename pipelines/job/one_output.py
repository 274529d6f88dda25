"""Output file of a job with one video: `--out x.mp4`.

The run's folder is that of the file; its own files are in `_reelmend/` there.
"""

from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

from reelmend.pipelines.choices import Codec
from reelmend.pipelines.config import JobConfig
from reelmend.pipelines.errors import ConfigError
from reelmend.pipelines.job.path_policy import PathPolicy
from reelmend.pipelines.media.encoding import suffix_of
from reelmend.pipelines.storage.location import Location, is_url, location_of
from reelmend.pipelines.storage.suffixes import is_video_file
from reelmend.pipelines.tasks import Item
from reelmend.pipelines.utils.user_paths import is_folder


def is_output_file(out: str) -> bool:
    """Whether `out` names a video file; a folder that is called like one is a folder."""
    named = is_video_file(location_of(out)) and not out.endswith("/")
    return named and (is_url(out) or not is_folder(out))


def folder_of(out: str) -> Location:
    """Return the folder of a run that writes to `out`, a folder or a file."""
    return location_of(out).parent if is_output_file(out) else location_of(out)


def split_output(job: JobConfig) -> JobConfig:
    """Return the job with an `out` that is a file as folder and name. Raises ConfigError for another codec's file."""
    if is_output_file(job.out):
        place = location_of(job.out)
        job = replace(job, out=str(place.parent), output=place.name)
    if job.output is None:
        return job
    suffix = suffix_of(job.stitch.codec)
    given = "." + job.output.rpartition(".")[2] if "." in job.output else ""
    if given.lower() != suffix:
        codecs = [codec for codec in Codec if suffix_of(codec) == given.lower() and given]
        other = f"set stitch.codec={codecs[0]}" if codecs else "choose a stitch.codec that suits"
        meant = job.output.removesuffix(given) + suffix
        raise ConfigError(
            f"out: {job.output}: stitch.codec={job.stitch.codec} writes {meant}; use that name, or {other}"
        )
    return job


def name_output(items: Iterable[Item], job: JobConfig) -> Item:
    """Return the only item, with the job's name for its output. Raises ConfigError when there are more."""
    first, *more = islice(items, 2)
    if more:
        raise ConfigError(f"--out {job.output} is one file, but the job has more than one video; pass a folder")
    suffix = suffix_of(job.stitch.codec)
    name = str(job.output)[: -len(suffix)] if suffix else str(job.output)
    output = PathPolicy(job).output(name, suffix)
    if output.absolute() in (first.video.absolute(), first.mask and first.mask.absolute()):
        raise ConfigError(f"--out {output} is an input of this job; choose another name")
    return replace(first, id=name, output=output)
