"""The compiler room: text to table. Offline, except for secret stores. Never talks to a provider."""
