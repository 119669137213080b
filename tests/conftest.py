"""Profiles of hypothesis: the same steps on every run, or with `--hypothesis-profile=prove` others each time.

`once` are the same steps as `repeatable`, for one who wants to know only whether they fail: nothing is made smaller.
"""

from hypothesis import HealthCheck, Phase, settings

_COMMON = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow, HealthCheck.filter_too_much]}
settings.register_profile("repeatable", derandomize=True, database=None, max_examples=800, **_COMMON)
settings.register_profile("prove", derandomize=False, print_blob=True, max_examples=8000, **_COMMON)
settings.register_profile("once", settings.get_profile("repeatable"), phases=(Phase.generate,))
settings.load_profile("repeatable")
