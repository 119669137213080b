"""live-sidecar: the process that owns an app's connection to the Gemini Live API."""

__version__ = "0.1.0"
