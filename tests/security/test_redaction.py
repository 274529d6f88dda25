"""Credentials that got into an address, a message or the environment are in nothing that is kept or shown."""

import json
import logging
from http import HTTPStatus
from pathlib import Path

import boto3
import pytest
from typer.testing import CliRunner

from reelmend.pipelines.choices import LogFormat
from reelmend.pipelines.cli import app
from reelmend.pipelines.cli.doctor_checks import Finding
from reelmend.pipelines.job.load import dump_job, load_job
from reelmend.pipelines.observe.answering import text_answer
from reelmend.pipelines.storage.ledger import read_ledger
from reelmend.pipelines.tasks import Failure
from reelmend.pipelines.utils.logs import LogLine, log_to_stderr
from reelmend.pipelines.utils.redaction import redact
from tests.jobs import add_item

SECRETS = {
    "http://admin:sesame@minio:9000/b": "http://***@minio:9000/b",
    "https://sesame@host/x": "https://***@host/x",
    "https://admin:se@same@host/x": "https://***@host/x",
    "https://b.s3/x?X-Amz-Credential=sesame%2F1&X-Amz-Signature=sesame&a=1": (
        "https://b.s3/x?X-Amz-Credential=***&X-Amz-Signature=***&a=1"
    ),
    "https://b/x?AWSAccessKeyId=sesame&Signature=sesame%3D&Expires=9": (
        "https://b/x?AWSAccessKeyId=***&Signature=***&Expires=9"
    ),
    "https://h/x?token=sesame, again": "https://h/x?token=*** again",
    "Authorization: AWS4-HMAC-SHA256 sesame": "Authorization: ***",
    "{'authorization': 'Bearer sesame.sesame'}": "{'authorization': '***'}",
    "aws_secret_access_key = sesame": "aws_secret_access_key = ***",
    '{"password": "sesame, open"}': '{"password": "***"}',
    "RAY_AUTH_TOKEN=sesame ray status": "RAY_AUTH_TOKEN=*** ray status",
    "key AKIAABCDEFGHIJKLMNOP is not known": "key *** is not known",
    "AccountName=me;AccountKey=sesame==;EndpointSuffix=core": "AccountName=me;AccountKey=***",
    "BlobEndpoint=x;SharedAccessSignature=sesame&a": "BlobEndpoint=x;SharedAccessSignature=***&a",
}


@pytest.mark.parametrize("text", SECRETS)
def test_credentials_are_replaced_where_they_stand(text: str) -> None:
    assert redact(text) == SECRETS[text]
    assert redact(redact(text)) == redact(text)


@pytest.mark.parametrize(
    "text",
    [
        "the cluster requires a token: set RAY_AUTH_MODE=token and RAY_AUTH_TOKEN",
        "SignatureDoesNotMatch: the signature does not match; is the secret key right?",
        "s3://footage/a@b.mp4: no such file; mail to x@example.org",
        "in/token-ring/a.mp4",
        "video.mp4: cannot be decoded after frame 3 (Invalid data)",
    ],
)
def test_words_about_credentials_are_not_credentials(text: str) -> None:
    assert redact(text) == text


def test_what_the_environment_gave_this_process_is_hidden_wherever_it_turns_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0123456789abcdef")
    assert redact("sent wJalrXUtnFEMI/K7MDENG to 0123456789abcdef") == "sent *** to ***"


@pytest.mark.parametrize("form", [LogFormat.text, LogFormat.json])
def test_no_log_line_holds_credentials_whoever_wrote_it(form: LogFormat, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr(form, logging.INFO)
    for name in ("reelmend.pipelines.x", "botocore"):
        logging.getLogger(name).warning("GET %s", "https://b/x?X-Amz-Signature=sesame")
    logging.getLogger("reelmend.pipelines.x").info(
        LogLine("asked", url="http://u:sesame@h/", trace="http://u:sesame@h/")
    )
    try:
        raise ValueError("http://u:sesame@h/")
    except ValueError:
        logging.getLogger("reelmend.pipelines.x").exception("failed")
    lines = capsys.readouterr().err
    assert "sesame" not in lines
    assert lines.count("***") >= 4
    if form is LogFormat.json:
        assert all(json.loads(line) for line in lines.splitlines())


def test_what_ends_in_the_ledger_the_doctor_and_an_answer_holds_none() -> None:
    text = "http://u:sesame@h/"
    failure = Failure("probe:a", "StoreError", text, transient=True, trace=text)
    told = [
        failure.reason,
        failure.trace,
        Finding("Ray", text).what,
        text_answer(HTTPStatus.BAD_GATEWAY, text).body.decode(),
    ]
    assert all("***" in said and "sesame" not in said for said in told)


@pytest.fixture
def endpoint(s3_endpoint: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sesame-of-the-environment")
    return s3_endpoint.replace("http://", "http://admin:sesame@")


def _run(tmp_path: Path, *words: str) -> str:
    settings = ["run.executor=inline", "log.format=json", "plan.block_length=20", "plan.overlap=3", *words]
    places = ["--manifest", str(tmp_path / "m.csv"), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(app, ["run", *places, *settings])
    return f"{result.exit_code}\n{result.stdout}\n{result.stderr}\n{result.exception!r}"


def _kept(folder: Path) -> str:
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    return "\n".join(path.read_bytes().decode("latin-1") for path in files)


def test_a_whole_run_leaves_no_credentials_behind(endpoint: str, bucket: str, tmp_path: Path) -> None:
    video = add_item(tmp_path, frames=4)
    mask = video.with_name("clip_mask.mkv")
    for path in (video, mask):
        boto3.client("s3").upload_file(str(path), bucket, path.name)
    rows = [f"s3://{bucket}/clip.mp4,s3://{bucket}/clip_mask.mkv,a", f"s3://{bucket}/no.mp4,{mask},b"]
    (tmp_path / "m.csv").write_text("\n".join(["video,mask,output", *rows]) + "\n")
    said = _run(tmp_path, f"s3.endpoint={endpoint}")
    assert {row.id: str(row.state) for row in read_ledger(tmp_path / "out/_reelmend/ledger")} == {
        "a": "restored",
        "b": "quarantined",
    }, said
    assert "sesame" not in said
    assert "sesame" not in _kept(tmp_path / "out")
    assert "endpoint: http://***@127.0.0.1" in (tmp_path / "out/_reelmend/config.yaml").read_text()


def test_a_store_that_does_not_answer_is_named_without_credentials(tmp_path: Path, s3_credentials: None) -> None:
    (tmp_path / "m.csv").write_text("video,mask\ns3://b/a.mp4,s3://b/m.png\n")
    said = _run(tmp_path, "s3.endpoint=http://admin:sesame@127.0.0.1:9", "s3.attempts=1", "run.outage_s=0.5")
    assert "127.0.0.1:9" in said
    assert "sesame" not in said


def test_a_job_that_holds_credentials_is_not_submitted(tmp_path: Path) -> None:
    words = ["submit", "--videos", "a.mp4", "--masks", "m.png", "s3.endpoint=http://admin:sesame@minio:9000"]
    result = CliRunner().invoke(app, [*words, "--address", "http://127.0.0.1:1"])
    assert result.exit_code == 2
    assert "the job holds credentials (endpoint: http://***@minio:9000), and anyone who can reach" in result.stderr
    assert "sesame" not in result.stderr


def test_what_came_from_the_environment_is_not_in_the_saved_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "job.yaml").write_text(
        "name: ${oc.env:PROJECT}\nout: ${oc.env:PLACE}/restored\nstitch: {crf: '${oc.env:QUALITY}'}\n"
        "input: {videos: ['${oc.env:PLACE}/*.mp4'], masks: '${out}/m.png'}\nlog: {format: text}\n"
    )
    values = {"PROJECT": "sesame-open", "PLACE": "/vault/sesame", "QUALITY": "23"}
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    job = load_job(tmp_path / "job.yaml")
    saved = tmp_path / "config.yaml"
    saved.write_text(dump_job(job, for_the_record=True))
    assert "sesame" not in saved.read_text()
    assert "23" not in saved.read_text()
    assert load_job(saved).input == job.input, "where the variables are set, the saved job is the same"
    for name in values:
        monkeypatch.delenv(name)
    assert load_job(saved).out.endswith("***/restored")
