"""Ground floor: secrets, redaction and logging. Imports nothing of ours."""
