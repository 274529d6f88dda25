"""Opening a video reads that video: no address is fetched, and no other file, whatever the file says."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest

from reelmend.pipelines.config import InputConfig, JobConfig
from reelmend.pipelines.errors import ConfigError, MediaError
from reelmend.pipelines.job.manifest import discover
from reelmend.pipelines.media.inspection import glance_video, inspect_video
from reelmend.pipelines.tasks import Item
from tests.clips import write_clip


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """The address of an HTTP server, and the requests that it saw."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_error(404)

        do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    with _serving(Handler) as address:
        yield address, seen


@contextmanager
def _serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), handler) as served:
        Thread(target=served.serve_forever, args=(0.01,), daemon=True).start()
        yield f"http://127.0.0.1:{served.server_port}"
        served.shutdown()


LISTS = {
    "hls.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{place}\n#EXT-X-ENDLIST\n",
    "hls.mp4": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{place}\n#EXT-X-ENDLIST\n",
    "concat.ffconcat": "ffconcat version 1.0\nfile '{place}'\n",
    "concat.mkv": "ffconcat version 1.0\nfile '{place}'\n",
    "dash.mpd": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'mediaPresentationDuration="PT5S"><Period><AdaptationSet mimeType="video/mp4"><Representation id="1" '
        'bandwidth="1"><BaseURL>{place}</BaseURL></Representation></AdaptationSet></Period></MPD>'
    ),
    "session.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
    "a=rtpmap:96 H264/90000\na=control:{place}\n",
    "picture.svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{place}" width="9" height="9"/></svg>',
    "stream.asx": '<asx version="3.0"><entry><ref href="{place}"/></entry></asx>',
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("far", [True, False], ids=["address", "local file"])
def test_a_list_of_other_places_is_refused_and_none_of_them_is_read(
    name: str, far: bool, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    address, seen = server
    other = write_clip(tmp_path / "other.ts", frames=5, audio=False)
    (tmp_path / name).write_text(LISTS[name].format(place=f"{address}/x.ts" if far else other.name))
    for look in (glance_video, inspect_video):
        with pytest.raises(MediaError):
            look(tmp_path / name)
    assert seen == []


@pytest.mark.parametrize(
    "name",
    ["{address}/x.mp4", "tcp://127.0.0.1:{port}", "ftp://127.0.0.1/x", "rtmp://127.0.0.1/x", "gopher://127.0.0.1/x"],
)
def test_a_manifest_names_no_address(name: str, server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, seen = server
    name = name.format(address=address, port=address.rpartition(":")[2])
    with pytest.raises(ConfigError, match=r"is not supported; use a path, file://, s3://"):
        _listed(tmp_path, name)
    assert seen == []


@pytest.mark.parametrize("trick", ["concat:{other}|{other}", "subfile,,start,0,end,0,,:{other}", "file:{other}"])
def test_a_protocol_of_ffmpeg_in_a_name_is_part_of_the_name(trick: str, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.ts", frames=5, audio=False)
    (item,) = _listed(tmp_path, trick.format(other=other.name))
    assert item.video == tmp_path / trick.format(other=other.name)
    with pytest.raises(MediaError, match="no such file"):
        inspect_video(item.video)


def test_a_file_that_is_called_like_a_protocol_is_that_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_clip(tmp_path / "other.ts", frames=5, audio=False).rename("concat:a|b.ts")
    assert inspect_video("concat:a|b.ts").frames == 5


def _listed(folder: Path, video: str) -> list[Item]:
    (folder / "m.csv").write_text(f'video,mask\n"{video}",m.png\n')
    return discover(JobConfig(input=InputConfig(manifest=str(folder / "m.csv")), out=str(folder / "out")))
