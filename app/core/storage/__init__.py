"""Where bytes lie: a directory or an S3 bucket behind one interface (`base.BlobStore`)."""

from urllib.parse import parse_qs, unquote, urlsplit

from app.core.errors import InvalidError
from app.core.settings import Settings
from app.core.storage.base import (
    CHUNK_BYTES,
    TEMP_PREFIX,
    BlobStore,
    BlobWriter,
    Digest,
    StoredObject,
    checked_key,
    content_key,
    is_stale,
    missing,
)
from app.core.storage.directory import DirectoryStore

__all__ = [
    "CHUNK_BYTES",
    "TEMP_PREFIX",
    "BlobStore",
    "BlobWriter",
    "Digest",
    "StoredObject",
    "checked_key",
    "content_key",
    "is_stale",
    "missing",
    "open_storage",
]


def open_storage(settings: Settings) -> BlobStore:
    """Return the store that the settings name; by default a directory beside the database.

    Raises:
        InvalidError: the address is neither `file:///…` nor `s3://…`.
    """
    url = settings.storage_url or f"file://{(settings.data_dir / 'blobs').absolute()}"
    parts = urlsplit(url)
    if parts.scheme == "file":
        return DirectoryStore(unquote(parts.path))
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidError(
            f"STORAGE_URL {url!r} is not an address of a store.",
            fix="Write file:///path or s3://bucket/prefix?endpoint=…&region=…&public=…",
        )
    from app.core.storage.s3 import S3Address, S3BlobStore

    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    address = S3Address(
        bucket=parts.netloc,
        prefix=parts.path.strip("/"),
        endpoint=query.get("endpoint", "").rstrip("/"),
        public=query.get("public", "").rstrip("/"),
        region=query.get("region", "us-east-1"),
        access_key=settings.storage_access_key.get_secret_value(),
        secret_key=settings.storage_secret_key.get_secret_value(),
    )
    return S3BlobStore(address)
