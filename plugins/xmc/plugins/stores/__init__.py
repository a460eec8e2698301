"""The shipped secret stores, one plugin each: `env`, `file` and `vault`."""
