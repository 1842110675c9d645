"""What the door for trying models takes and gives."""

from pydantic import BaseModel, ConfigDict, Field

from worker.contract.predictions import MAX_TEXT


class TextsIn(BaseModel):
    """A text to try a model on; `question` is asked of it where the model answers questions."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=MAX_TEXT, description="What is to be read.")
    question: str = Field(
        default="", max_length=MAX_TEXT, description="For question answering: what is asked."
    )
