"""The edge to the parent process: guard, framing, reader, writer, parent watch, exit."""
