"""The runtime room: table to traffic, on aiohttp. Never reads YAML."""
