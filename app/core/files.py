"""Where the files beside the code are: in a checkout at its top, in a wheel under `app/_files`."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def resource_dir(name: str) -> Path:
    """Return the directory `templates`, `static`, `migrations` or `locale`."""
    packed = _PACKAGE / "_files" / name
    return packed if packed.is_dir() else _PACKAGE.parent / name
