"""What is known of one example without its content."""

from worker.contract.base import Wire


class FileFact(Wire):
    """One example: a media file, or a row of a file.

    Sizes are in pixels, upright; `mode` is what colours a picture has, or a recording's rate;
    `seconds` is how long a recording is, `length` how many
    characters or tokens a text has. `sha256` is the identity of the file and its values;
    `content_sha256`, where it is not the same, that of all but the targets: copies share it.
    `order` is when it happened, in the data's own unit. `error` is None when it can be used.
    """

    path: str
    size: int
    sha256: str
    label: str = ""
    split: str | None = None
    width: int = 0
    height: int = 0
    mode: str = ""
    frames: int = 1
    error: str | None = None
    row: int | None = None
    labels: tuple[str, ...] = ()
    group: str | None = None
    length: int = 0
    seconds: float = 0.0
    content_sha256: str = ""
    order: float | None = None

    @property
    def key(self) -> str:
        """The name of the example in its data set: that of its `Item`."""
        return self.path if self.row is None else f"{self.path}:{self.row}"

    @property
    def content(self) -> str:
        """What copies of an example share, whatever their targets are."""
        return self.content_sha256 or self.sha256

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of this example: one, several, or none."""
        return self.labels or ((self.label,) if self.label else ())
