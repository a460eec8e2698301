import pytest

from xmc.plugins import Plugins, build_plugins


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    """All installed plugins; they hold no state."""
    return build_plugins()
