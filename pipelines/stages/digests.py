"""What is the content of a video or a mask called? Its digest, remembered for as long as the file does not change."""

from pathlib import Path

from pipelines.identity import digest_of
from pipelines.media.digest import digest_source
from pipelines.publish import fingerprint
from pipelines.stages.desk import Desk
from pipelines.store import get_json, put_json


def content_digest(path: Path, desk: Desk) -> str:
    """Digest the content, unless this very file (same path, size and time of change) was digested before."""
    known = known_digest(path, desk)
    if known is not None:
        return known
    mark = fingerprint(path)  # taken before reading: a file that changes meanwhile is digested again next time
    digest = digest_source(path)
    put_json(desk.store, _key(path), {"fingerprint": mark, "digest": digest})
    return digest


def digest_of_mask(path: Path | None, desk: Desk) -> str:
    """As `content_digest`; empty for an item without a mask."""
    return "" if path is None else content_digest(path, desk)


def known_digest(path: Path, desk: Desk) -> str | None:
    """Return the digest without reading the file, or None where it was never digested or has changed since."""
    known = get_json(desk.store, _key(path))
    return str(known["digest"]) if known is not None and known["fingerprint"] == fingerprint(path) else None


def _key(path: Path) -> str:
    return f"digests/{digest_of('seen', str(path.absolute()))}"
