"""No name that credentials have is forgotten: each one's value is hidden wherever it stands."""

import pytest

from reelmend.pipelines.utils.redaction import redact

NAMES = (
    *("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "Signature", "AWSAccessKeyId", "GoogleAccessId"),
    *("aws_secret_access_key", "AwsSecretAccessKey", "aws_session_token", "aws_access_key_id", "sig", "token"),
    *("access_token", "auth-token", "session_token", "idtoken", "api_key", "api-key", "ApiKey", "account_key"),
    *("SharedAccessKey", "shared-access-signature", "AccountSignature", "password", "passwd", "secret"),
)
VARIABLES = (
    *("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "RAY_AUTH_TOKEN", "AZURE_CLIENT_SECRET"),
    *("AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY", "AZURE_STORAGE_SAS_TOKEN"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_value_is_hidden_in_an_address_a_setting_and_json(name: str) -> None:
    assert redact(f"https://h/x?a=1&{name}=sesame%3D&b=2") == f"https://h/x?a=1&{name}=***&b=2"
    assert redact(f"{name} = sesame") == f"{name} = ***"
    assert redact(f"{name.lower()}='sesame' again") == f"{name.lower()}='***' again"
    assert redact(f'{{"{name}": "sesame, open", "b": 2}}') == f'{{"{name}": "***", "b": 2}}'


@pytest.mark.parametrize("name", VARIABLES)
def test_what_a_variable_of_the_environment_holds_is_hidden(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "xyzzy-plugh")
    assert redact("it says xyzzy-plugh") == "it says ***"
    monkeypatch.setenv(name, "plug")
    assert redact("it says plug") == "it says plug", "too short to be told from a word"
