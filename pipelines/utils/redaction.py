"""Removal of credentials from logs, ledger, report and saved jobs.

`redact` is called where text leaves the program: log lines, printed errors, reasons of failures, the saved job. It
knows the forms in which credentials stand in URLs and messages, and the very values that this process was given.
"""

import os
import re

HIDDEN = "***"

_SECRET_VARIABLES = (
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "RAY_AUTH_TOKEN",
    "AZURE_STORAGE_CONNECTION_STRING",
    "AZURE_STORAGE_KEY",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_CLIENT_SECRET",
)
_SHORTEST = 8
"""A shorter value would be found in words that have nothing to do with it."""

_NAMES = (
    r"x-amz-(?:signature|credential|security-token)|signature|awsaccesskeyid|googleaccessid|sig|"
    r"aws_?secret_?access_?key|aws_?session_?token|aws_?access_?key_?id|"
    r"(?:access[_-]?|auth[_-]?|session[_-]?|id[_-]?)?token|api[_-]?key|"
    r"(?:account|shared[_-]?access)[_-]?(?:key|signature)|password|passwd|secret"
)
_PATTERNS = (
    (re.compile(r"(?<=://)[^/\s'\"<>]*@"), f"{HIDDEN}@"),  # user and password of a URL
    (re.compile(rf"([?&;](?:{_NAMES})=)[^&\s'\"<>\\]+", re.IGNORECASE), rf"\1{HIDDEN}"),  # a signed URL
    (re.compile(rf"(\b(?:\w+_)?(?:{_NAMES})\s*=\s*['\"]?)[^\s'\"&,;<>\\]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(rf"(['\"](?:\w+_)?(?:{_NAMES})\\?['\"]\s*:\s*\\?['\"])[^'\"\\]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(\bauthorization['\"]?\s*[=:]\s*['\"]?)[^'\"<>\\\n]+", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"(\bbearer\s+)[\w.~+/=-]{8,}", re.IGNORECASE), rf"\1{HIDDEN}"),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
)


def redact(text: str) -> str:
    """Return the text with credentials replaced by `***`. Redacting twice is redacting once."""
    for name in _SECRET_VARIABLES:
        value = os.environ.get(name, "")
        if len(value) >= _SHORTEST:
            text = text.replace(value, HIDDEN)
    for pattern, hidden in _PATTERNS:
        text = pattern.sub(hidden, text)
    return text
