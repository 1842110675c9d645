"""Every setting of the site, read once from the environment.

Three addresses decide where state lives; without them `tuningfork up` starts its own servers.
`docs/operations/settings.md` lists each name; a test keeps that page and this class equal.
"""

from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SignInProvider(BaseModel):
    """Another site whose accounts sign in here, as the operator registered this one there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?$")]
    label: str = ""
    kind: Literal["oidc", "github"] = "oidc"
    issuer: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    api: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    client_id: Annotated[str, Field(min_length=1)]
    client_secret: SecretStr
    scopes: str = ""

    @model_validator(mode="after")
    def _has_issuer(self) -> "SignInProvider":
        if self.kind == "oidc" and not self.issuer:
            raise ValueError("a provider of the kind oidc needs its issuer")
        return self

    @property
    def title(self) -> str:
        """What people call the provider."""
        return self.label or ("GitHub" if self.kind == "github" else self.name)

    @property
    def address(self) -> str:
        """The issuer, without a slash at its end."""
        return (self.issuer or "https://github.com").rstrip("/")

    @property
    def api_address(self) -> str:
        """Where a provider of the kind github answers programs."""
        return (self.api or "https://api.github.com").rstrip("/")

    @property
    def wanted_scopes(self) -> str:
        """What is asked for: who the person is, and an e-mail address."""
        usual = "read:user user:email" if self.kind == "github" else "openid email profile"
        return self.scopes or usual


class Settings(BaseSettings):
    """The site's settings. The environment variable is the alias given on each field."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    database_url: str = Field(
        default="",
        validation_alias="DATABASE_URL",
        description="PostgreSQL 16 or newer, `postgresql://user:password@host:port/name`.",
    )
    broker_url: str = Field(
        default="",
        validation_alias="BROKER_URL",
        description="Valkey or Redis, `redis://…`: doorbell and wake-up only, never the truth.",
    )
    storage_url: str = Field(
        default="",
        validation_alias="STORAGE_URL",
        description="`file:///path` or `s3://bucket/prefix?endpoint=…&region=…&public=…`.",
    )
    storage_access_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="STORAGE_ACCESS_KEY",
        description="Access key of the S3 store.",
    )
    storage_secret_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="STORAGE_SECRET_KEY",
        description="Secret key of the S3 store.",
    )
    data_dir: Path = Field(
        default=Path("data"),
        validation_alias="TUNINGFORK_DATA_DIR",
        description="Everything `tuningfork up` keeps: database, blobs, secrets, logs.",
    )
    secret_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="TUNINGFORK_SECRET_KEY",
        description="Signs job tokens and CAS tokens; made on first start when empty.",
    )
    worker_key: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="TUNINGFORK_WORKER_KEY",
        description="Shared credential with which a worker registers and claims jobs.",
    )
    backup_dir: str = Field(
        default="",
        validation_alias="TUNINGFORK_BACKUP_DIR",
        description="Folder of backups; once set, `tuningfork up` keeps them by itself.",
    )
    backup_every_h: float = Field(
        default=24,
        ge=0,
        validation_alias="TUNINGFORK_BACKUP_EVERY_H",
        description="Hours between two whole backups; 0 for none but those made by hand.",
    )
    backup_keep: int = Field(
        default=7,
        ge=1,
        validation_alias="TUNINGFORK_BACKUP_KEEP",
        description="Whole backups that stay; older ones go, with the log that belongs to them.",
    )
    host: str = Field(
        default="127.0.0.1",
        validation_alias="TUNINGFORK_HOST",
        description="Address the site binds.",
    )
    port: int = Field(
        default=8000,
        validation_alias="TUNINGFORK_PORT",
        description="Port the site binds; `tuningfork up` moves to the next free one.",
    )
    site_url: str = Field(
        default="",
        validation_alias="TUNINGFORK_SITE_URL",
        description="Public address, for links in mails; empty means the request's own host.",
    )
    allowed_hosts: str = Field(
        default="",
        validation_alias="TUNINGFORK_ALLOWED_HOSTS",
        description="Host names answered besides loopback and TUNINGFORK_SITE_URL's; `*` for any.",
    )
    trusted_proxies: str = Field(
        default="127.0.0.1,::1",
        validation_alias="TUNINGFORK_TRUSTED_PROXIES",
        description="Whose `X-Forwarded-For` and `-Proto` count: addresses, networks, by commas.",
    )
    signup_open: bool = Field(
        default=True,
        validation_alias="TUNINGFORK_SIGNUP_OPEN",
        description="Whether strangers may create an account.",
    )
    log_level: str = Field(
        default="info",
        validation_alias="TUNINGFORK_LOG_LEVEL",
        description="debug, info, warning or error.",
    )
    log_format: str = Field(
        default="text",
        validation_alias="TUNINGFORK_LOG_FORMAT",
        description="`text` for people, `json` for collectors.",
    )
    metrics_token: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="TUNINGFORK_METRICS_TOKEN",
        description="Bearer token for `/metrics`; without one only this machine may read it.",
    )
    lease_s: int = Field(
        default=30,
        ge=3,
        validation_alias="TUNINGFORK_LEASE_S",
        description="Seconds a worker may be silent before its job returns to the queue.",
    )
    max_upload_bytes: int = Field(
        default=200 * 10**9,
        validation_alias="TUNINGFORK_MAX_UPLOAD_BYTES",
        description="Largest single file, in bytes.",
    )
    account_bytes: int = Field(
        default=2 * 10**12,
        ge=0,
        validation_alias="TUNINGFORK_ACCOUNT_BYTES",
        description="Bytes a person or an organisation may hold; 0 for any number.",
    )
    account_files: int = Field(
        default=2_000_000,
        ge=0,
        validation_alias="TUNINGFORK_ACCOUNT_FILES",
        description="Files they may have at the tips of branches and in buckets; 0 for any number.",
    )
    account_repositories: int = Field(
        default=10_000,
        ge=0,
        validation_alias="TUNINGFORK_ACCOUNT_REPOSITORIES",
        description="Repositories they may have; 0 for any number.",
    )
    queued_jobs: int = Field(
        default=20,
        ge=0,
        validation_alias="TUNINGFORK_QUEUED_JOBS",
        description="Jobs of one person that may wait; 0 for any number.",
    )
    running_jobs: int = Field(
        default=0,
        ge=0,
        validation_alias="TUNINGFORK_RUNNING_JOBS",
        description="Jobs of one person that run at once, others wait; 0 for any number.",
    )
    gpu_hours: float = Field(
        default=0,
        ge=0,
        validation_alias="TUNINGFORK_GPU_HOURS",
        description="GPU hours of one person in thirty days; 0 for any number.",
    )
    event_streams: int = Field(
        default=50,
        ge=0,
        validation_alias="TUNINGFORK_EVENT_STREAMS",
        description="Live streams one person keeps open in one web process; 0 for any number.",
    )
    outbound_allow: str = Field(
        default="",
        validation_alias="TUNINGFORK_OUTBOUND_ALLOW",
        description="Private servers that webhooks and imports may call: `host:port`, by commas.",
    )
    smtp_url: SecretStr = Field(
        default=SecretStr(""),
        validation_alias="TUNINGFORK_SMTP_URL",
        description="Takes letters: `smtp://user:password@host:587?starttls=always`, `smtps://…`.",
    )
    mail_from: str = Field(
        default="",
        validation_alias="TUNINGFORK_MAIL_FROM",
        description="Sender of letters, `Name <address>`; else noreply at the site's host.",
    )
    newcomer_topics: int = Field(
        default=3,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_TOPICS",
        description="Topics that somebody new may begin a day.",
    )
    newcomer_replies: int = Field(
        default=10,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_REPLIES",
        description="Replies that somebody new may write a day.",
    )
    newcomer_topic_every_s: int = Field(
        default=120,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_TOPIC_EVERY_S",
        description="Seconds between two topics of somebody new.",
    )
    newcomer_reply_every_s: int = Field(
        default=30,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_REPLY_EVERY_S",
        description="Seconds between two replies of somebody new.",
    )
    newcomer_links: int = Field(
        default=2,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_LINKS",
        description="Links in a post of somebody new.",
    )
    newcomer_images: int = Field(
        default=1,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_IMAGES",
        description="Images in a post of somebody new.",
    )
    newcomer_mentions: int = Field(
        default=2,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_MENTIONS",
        description="People named with @ in a post of somebody new.",
    )
    newcomer_typing_s: int = Field(
        default=3,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_TYPING_S",
        description="A first post typed in less time is held for the moderators.",
    )
    newcomer_hours: int = Field(
        default=24,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_HOURS",
        description="So long somebody is new; and until enough posts of theirs stand.",
    )
    newcomer_posts: int = Field(
        default=5,
        ge=0,
        validation_alias="TUNINGFORK_NEWCOMER_POSTS",
        description="So many posts that stand end being new, once the hours are over.",
    )
    reports_to_hold: int = Field(
        default=3,
        ge=0,
        validation_alias="TUNINGFORK_REPORTS_TO_HOLD",
        description="So many reports hold a post of somebody new.",
    )
    requests_api: int = Field(
        default=5000,
        ge=0,
        validation_alias="TUNINGFORK_REQUESTS_API",
        description="API requests of one person in five minutes; 0 for any number.",
    )
    requests_api_visitor: int = Field(
        default=2000,
        ge=0,
        validation_alias="TUNINGFORK_REQUESTS_API_VISITOR",
        description="The same from one address without a sign-in.",
    )
    requests_resolve: int = Field(
        default=50_000,
        ge=0,
        validation_alias="TUNINGFORK_REQUESTS_RESOLVE",
        description="Downloads and git requests of one person in five minutes; 0 for any number.",
    )
    requests_resolve_visitor: int = Field(
        default=20_000,
        ge=0,
        validation_alias="TUNINGFORK_REQUESTS_RESOLVE_VISITOR",
        description="The same from one address without a sign-in.",
    )
    requests_pages: int = Field(
        default=3000,
        ge=0,
        validation_alias="TUNINGFORK_REQUESTS_PAGES",
        description="Pages of one person in five minutes; 0 for any number.",
    )
    requests_pages_visitor: int = Field(
        default=2000,
        ge=0,
        validation_alias="TUNINGFORK_REQUESTS_PAGES_VISITOR",
        description="The same from one address without a sign-in.",
    )
    requests_jobs: int = Field(
        default=300,
        ge=0,
        validation_alias="TUNINGFORK_REQUESTS_JOBS",
        description="Jobs and sweeps that one person submits in five minutes; 0 for any number.",
    )
    banned_hosts: str = Field(
        default="",
        validation_alias="TUNINGFORK_BANNED_HOSTS",
        description="Posts that lead to these hosts are held for the moderators, by commas.",
    )
    banned_words: str = Field(
        default="",
        validation_alias="TUNINGFORK_BANNED_WORDS",
        description="Posts with these words are held for the moderators, by commas.",
    )
    spam_scorer: str = Field(
        default="",
        validation_alias="TUNINGFORK_SPAM_SCORER",
        description="A function of yours that scores newcomers' posts, `package.module:function`.",
    )
    sign_in_providers: tuple[SignInProvider, ...] = Field(
        default=(),
        validation_alias="TUNINGFORK_SIGN_IN_PROVIDERS",
        description="Other sites whose accounts sign in here, as a JSON list.",
    )
    tutorial_checks: str = Field(
        default="1-5",
        pattern=r"^(([01]?[0-9]|2[0-4])-([01]?[0-9]|2[0-4]))?$",
        validation_alias="TUNINGFORK_TUTORIAL_CHECKS",
        description="Hours (UTC) in which an idle site tries recipes of tutorials; empty: never.",
    )
    upstreams: str = Field(
        default="",
        validation_alias="TUNINGFORK_UPSTREAMS",
        description="Hubs to import from: `name=https://host`, by commas; empty means off.",
    )

    @property
    def hosts(self) -> set[str]:
        """The names this site answers to, besides loopback."""
        named = {host.strip() for host in self.allowed_hosts.split(",") if host.strip()}
        own = urlsplit(self.site_url).hostname
        return named | {own} if own else named

    @field_validator("trusted_proxies")
    @classmethod
    def _are_addresses(cls, value: str) -> str:
        for one in value.split(","):
            ip_network(one.strip() or "::1", strict=False)  # a ValueError names it
        return value


@lru_cache
def get_settings() -> Settings:
    """Return the process-wide settings; the environment is read on the first call."""
    return Settings()
