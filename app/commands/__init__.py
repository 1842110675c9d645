"""Groups of subcommands of `tuningfork`."""
