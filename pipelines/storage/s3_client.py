"""Client of S3, and the messages if it cannot be reached.

The one place where errors of boto3 become ours: StoreError for what may pass (after the client's own bounded retries),
StoreAway where the store does not answer, SetupError for what will not pass. Credentials are found as every AWS client
finds them, and are in no message.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    EndpointConnectionError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    ResponseStreamingError,
    SSLError,
    TokenRetrievalError,
)
from urllib3.exceptions import HTTPError

from reelmend.pipelines.config import S3Config
from reelmend.pipelines.errors import ReelmendError, SetupError, StoreAway, StoreError, first_line
from reelmend.pipelines.utils.user_paths import is_file

CONNECTIONS = 32
"""Requests that a process has under way at once, at most."""

_NOT_SET_UP = (
    CredentialRetrievalError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    TokenRetrievalError,
)
_MAY_PASS = {
    "NoSuchUpload",  # of an upload that this process had started
    "RequestTimeTooSkewed",
}
_BUSY = {"InternalError", "RequestTimeout", "ServiceUnavailable", "SlowDown", "Throttling"}
_NO_ANSWER = (
    EndpointConnectionError,
    HTTPClientError,  # of which the others are: no connection, no answer in time, an answer that broke off
    IncompleteReadError,
    ResponseStreamingError,
    HTTPError,
)
_CHANGED = {"PreconditionFailed", "InvalidRange", "ConditionalRequestConflict", "412", "416", "409"}
_ABSENT = {"NoSuchKey", "404", "NotFound"}
NO_BUCKET = "no such bucket; are its name and s3.endpoint right?"
_ADVICE = {
    "NoSuchBucket": NO_BUCKET,
    "AccessDenied": "access denied; do these credentials grant it?",
    "403": "access denied; do these credentials grant it?",
    "InvalidAccessKeyId": "unknown access key; are the credentials (AWS_...) those of this store?",
    "SignatureDoesNotMatch": "the signature does not match; is the secret key right?",
    "ExpiredToken": "the credentials have expired; renew them, then run the same command again to resume",
    "ExpiredTokenException": "the credentials have expired; renew them, then run the same command again to resume",
    "TokenRefreshRequired": "the credentials have expired; renew them, then run the same command again to resume",
    "PermanentRedirect": "the bucket is in another region; set s3.region",
    "301": "the bucket is in another region; set s3.region",
    "AuthorizationHeaderMalformed": "the bucket is in another region; set s3.region",
    "IllegalLocationConstraintException": "the bucket is in another region; set s3.region",
    "RequestTimeTooSkewed": "this machine's clock differs from the store's; set it, then run the same command again",
    "NotImplemented": "this store lacks a required S3 feature; see docs/stores.md",
    "501": "this store lacks a required S3 feature; see docs/stores.md",
}


def make_client(config: S3Config) -> Any:
    """Return a boto3 client; making one sends nothing. Raises SetupError."""
    if config.ca_bundle and not is_file(config.ca_bundle):
        raise SetupError(f"s3.ca_bundle={config.ca_bundle}: no such file")
    # botocore's other modes share a quota of retries among all requests: an outage uses it up in a moment, and every
    # request after that fails at once. This one waits longer from try to try, whatever the others do.
    attempts = {"mode": "legacy", "total_max_attempts": config.attempts}
    options = Config(
        connect_timeout=min(10, config.timeout_s),
        read_timeout=config.timeout_s,
        retries=attempts,
        max_pool_connections=CONNECTIONS,
        s3={"addressing_style": str(config.addressing)},
    )
    with translated(f"s3.endpoint={config.endpoint}" if config.endpoint else "s3://"):
        return _session().client(
            "s3",
            endpoint_url=config.endpoint,
            region_name=config.region,
            verify=config.ca_bundle,
            config=options,
        )


def _session() -> Any:
    """Return a session that finds the credentials of this moment, and has nothing of S3's description to read."""
    session = botocore.session.get_session()
    session.register_component("data_loader", _descriptions())
    return boto3.Session(botocore_session=session)


@cache
def _descriptions() -> Any:
    """Return what keeps the services' descriptions: a session with its own reads megabytes of JSON for each client."""
    return botocore.session.get_session().get_component("data_loader")


@contextmanager
def translated(what: object) -> Iterator[None]:
    """Turn errors of boto3 into ours; `what` is the bucket or object that was asked for."""
    try:
        yield
    except ClientError as exc:
        raise _of_answer(what, exc) from exc
    except SSLError as exc:
        raise SetupError(f"{what}: {first_line(exc)}; is s3.ca_bundle right?") from exc
    except _NOT_SET_UP as exc:
        raise SetupError(f"{what}: {first_line(exc)}; are address, credentials (AWS_...) and region right?") from exc
    except _NO_ANSWER as exc:
        raise StoreAway(f"{what}: {first_line(exc)}") from exc
    except BotoCoreError as exc:
        raise StoreError(f"{what}: {first_line(exc)}") from exc
    except ValueError as exc:  # what an endpoint is that is not an address
        raise SetupError(f"{what}: {first_line(exc)}; is s3.endpoint or AWS_ENDPOINT_URL right?") from exc


def code_of(error: ClientError) -> str:
    """Return what the store calls the error; an answer to HEAD has only its number."""
    return str(error.response["Error"].get("Code", ""))


def is_absent(error: ClientError) -> bool:
    return code_of(error) in _ABSENT


def has_changed(error: ClientError) -> bool:
    """Whether a condition on the object's present state did not hold."""
    return code_of(error) in _CHANGED


def _of_answer(what: object, error: ClientError) -> ReelmendError:
    code = code_of(error)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = _ADVICE.get(code) or error.response["Error"].get("Message") or "no reason given"
    text = f"{what}: {code}: {said}"
    busy = status == 429 or (status >= 500 and status != 501)
    if code in _BUSY or busy:
        return StoreAway(text)
    if code in _MAY_PASS or has_changed(error):
        return StoreError(text)
    return SetupError(text if code in _ADVICE else f"{text}; are bucket, prefix and credentials right?")
