"""Letters to people: kept in an outbox, sent when a mail server can be reached."""
