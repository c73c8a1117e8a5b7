"""What the integration tests share: servers that they start and stop, clients whose every message is known, reports."""
