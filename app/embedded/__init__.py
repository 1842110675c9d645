"""PostgreSQL, Valkey, the site and its workers as one supervised process tree."""
