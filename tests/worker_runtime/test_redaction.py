"""What a log keeps to itself, and what it may say."""

import pytest

from app.core.security import new_token
from worker.redaction import HIDDEN, redact


@pytest.mark.parametrize(
    "secret",
    [
        new_token("tf"),
        "tfj_7_1_1790000000_" + "ab" * 32,
        "hf_AbCdEfGhIjKlMnOp",
        "Bearer abcdefgh12",
    ],
    ids=lambda secret: secret[:3],
)
def test_a_credential_is_hidden(secret: str) -> None:
    assert redact(f"sent {secret} along") == f"sent {HIDDEN} along"


def test_a_model_whose_name_begins_like_a_token_is_named() -> None:
    line = "Fetching tuningfork/tf_efficientnet_lite0@0c8c51f."
    assert redact(line) == line
