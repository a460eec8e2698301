"""xmc's own providers pass the conformance kit, by the same door as a stranger's."""

import pytest

from xmc.plugins import build_plugins
from xmc.runtime.conformance import CHECKS, Case, cases

# `palm` is only a name: it links nothing, and so has no upstream to tell of.
PROVIDERS = sorted(set(build_plugins().providers) - {"palm"})


@pytest.mark.parametrize("case", [case for name in PROVIDERS for case in cases(name)], ids=str)
def test_conformance(case: Case) -> None:
    case.run()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_task_of_every_provider_is_told_of(provider: str) -> None:
    plugins = build_plugins()
    told = {sample.task for case in cases(provider, plugins) for sample in case.subject.specimen.samples}
    assert told == set(plugins.providers[provider].capabilities)


def test_checks_have_names_of_their_own_and_say_what_and_why() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert all(check.what and check.why for check in CHECKS)
