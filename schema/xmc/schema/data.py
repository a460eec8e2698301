"""The data files beside the modules of a package."""

import os.path
from importlib import import_module
from typing import Any


def read_data(package: str, name: str) -> bytes:
    """Return the content of a data file of a package; `name` may lead into folders with `/`.

    By the package's own loader, as `pkgutil.get_data`: `importlib.resources` imports what reads zip files and makes
    temporary ones, for which every command would wait.

    Raises:
        OSError: there is no such file.
    """
    module: Any = import_module(package)
    content: bytes = module.__loader__.get_data(os.path.join(os.path.dirname(module.__file__), *name.split("/")))  # noqa: PTH118, PTH120 - what a loader takes
    return content
