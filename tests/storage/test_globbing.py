"""A glob in a bucket means what it means on a disk."""

import glob
from pathlib import Path

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.globbing import Folders
from reelmend.pipelines.storage.location import RemotePath

TREE = [
    "a.mp4", "b.mkv", ".hidden.mp4", "in/a.mp4", "in/b1.mp4", "in/[x].mp4", "in/.hidden.mp4", "in/deep/c.mp4",
    "in/deep/er/d.mp4", "in/.secret/e.mp4", "in/deep/.secret/f.mp4", ".secret/g.mp4",
]  # fmt: skip
PATTERNS = [
    "*", "*.mp4", "in/*", "in/?.mp4", "in/b[0-9].mp4", "in/[!b]*.mp4", "in/[[]x].*", "*/*.mp4", "in/.*", "in/d*/*",
    "**", "**/*", "**/*.mp4", "in/**", "in/**/*.mp4", "in/**/d.mp4", "in/.secret/*", "**/.secret/*",
]  # fmt: skip


def test_a_pattern_finds_in_a_bucket_the_files_that_it_finds_on_a_disk(tmp_path: Path, bucket: str) -> None:
    for name in TREE:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
        Files().write(RemotePath(bucket, f"tree/{name}"), b"")
    folders = Folders(Files())
    for pattern in PATTERNS:
        found = [Path(path) for path in glob.glob(str(tmp_path / pattern), recursive=True)]  # noqa: PTH207
        on_disk = {path.relative_to(tmp_path).as_posix() for path in found if path.is_file()}
        matched = folders.matches(RemotePath(bucket, f"tree/{pattern}"))
        in_bucket = {str(entry.place).removeprefix(f"s3://{bucket}/tree/") for entry in matched}
        assert in_bucket == on_disk, pattern
