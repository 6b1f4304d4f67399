"""Static checks: reads files, never imports what it reads, and works where torch is not installed."""
