"""The providers of the matrix: the specimen of each for which its capability record speaks.

A new provider needs a specimen, a cell for each parameter of the kit's `parameters.py` in its `capabilities.json`
(under `mapped` with the place where it ends up), and `make docs`.
"""

from xmc.plugins import Sample, build_plugins
from xmc.runtime.conformance import Subject
from xmc.schema import Task

_PLUGINS = build_plugins()
_FOUND = [
    Subject(plugin, specimen, _PLUGINS)
    for plugin in _PLUGINS.origins
    for specimen in _PLUGINS.specimens(plugin)
    if specimen.recorded
]
SUBJECTS: dict[str, Subject] = {subject.specimen.provider: subject for subject in reversed(_FOUND)}
"""By provider; of several specimens the first."""


def sample(subject: Subject, task: Task) -> Sample:
    """Return the first sample of a task."""
    return next(one for one in subject.specimen.samples if one.task is task)
