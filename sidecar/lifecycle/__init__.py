"""The connection's lifecycle, pure: no asyncio, no sockets, no clock, no randomness of its own.

Time (seconds, from any steady clock), random numbers and outcomes come in as arguments;
decisions go out as values. `sidecar.session` is the only driver.
"""
