"""The two kinds of values of the contract, and the one way they are hashed."""

import hashlib
import json

from pydantic import BaseModel, ConfigDict, JsonValue

_ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


class Written(BaseModel):
    """Something a person writes: an unknown key is refused, because it would do nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Wire(BaseModel):
    """Something one side sends to the other: unknown keys are ignored, so versions may differ."""

    model_config = ConfigDict(extra="ignore", frozen=True)


def canonical_json(value: JsonValue) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces, plain ASCII."""
    return _ENCODER.encode(value)


def digest(value: JsonValue) -> str:
    """Return the sha256 (hex) of the canonical JSON of a value."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


def N_(sentence: str) -> str:  # noqa: N802 - the name by which catalogues collect sentences
    """Mark a sentence for translation; a site translates it where it is shown."""
    return sentence
