"""What each setting means, in the reader's language."""

from app.core.i18n import _


def described(name: str) -> str:
    """Return a sentence about a setting that can be changed while the site runs."""
    return _sentences().get(name, name)


def _sentences() -> dict[str, str]:
    return {
        "newcomer_topics": _("Topics that somebody new may begin a day."),
        "newcomer_replies": _("Replies that somebody new may write a day."),
        "newcomer_topic_every_s": _("Seconds between two topics of somebody new."),
        "newcomer_reply_every_s": _("Seconds between two replies of somebody new."),
        "newcomer_links": _("Links in a post of somebody new."),
        "newcomer_images": _("Images in a post of somebody new."),
        "newcomer_mentions": _("People named with @ in a post of somebody new."),
        "newcomer_typing_s": _("Seconds: a first post typed faster is held for the moderators."),
        "newcomer_hours": _("Hours for which somebody is new, at the least."),
        "newcomer_posts": _("Posts that must stand before somebody is new no more."),
        "reports_to_hold": _("So many reports hold a post of somebody new."),
        "banned_hosts": _("Posts that lead to these hosts are held; commas between them."),
        "banned_words": _("Posts with these words are held; commas between them."),
        "max_upload_bytes": _("Largest single file, in bytes."),
        "account_bytes": _("Bytes of large files that an account may hold; 0 for any."),
        "requests_api": _("API requests of one person in five minutes; 0 for any number."),
        "requests_api_visitor": _("API requests from one address without a sign-in."),
        "requests_resolve": _("Downloads and git requests of one person in five minutes."),
        "requests_resolve_visitor": _("Downloads from one address without a sign-in."),
        "requests_pages": _("Pages of one person in five minutes."),
        "requests_pages_visitor": _("Pages from one address without a sign-in."),
        "requests_jobs": _("Jobs and sweeps that one person submits in five minutes."),
        "smtp_url": _("Takes letters: smtp://user:password@host:587?starttls=always."),
        "mail_from": _("Sender of letters: Name <address>."),
        "upstreams": _("Hubs to import from: name=https://host, commas between them."),
        "outbound_allow": _("Private servers that webhooks and imports may call: host:port."),
    }
