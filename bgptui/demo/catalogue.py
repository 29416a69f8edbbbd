"""The scenarios by name."""

from bgptui.demo.scenario import Scenario
from bgptui.demo.subprefix_hijack import SUBPREFIX_HIJACK
from bgptui.demo.youtube_2008 import YOUTUBE_2008
from bgptui.errors import UsageError

_SCENARIOS = {scenario.name: scenario for scenario in (SUBPREFIX_HIJACK, YOUTUBE_2008)}


def scenarios() -> dict[str, str]:
    """Name and one-line description of each."""
    return {name: scenario.description for name, scenario in _SCENARIOS.items()}


def scenario(name: str) -> Scenario:
    """The scenario of that name.

    Raises:
        UsageError: there is none.
    """
    try:
        return _SCENARIOS[name]
    except KeyError:
        known = ", ".join(_SCENARIOS)
        raise UsageError(f"there is no scenario {name!r}; there are: {known}") from None
