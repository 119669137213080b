"""The Gemini Live wire: messages, endpoints, authentication, dialling, turns."""
