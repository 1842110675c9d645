"""Every read of the notifications' tables, and the single statements that must be atomic."""
