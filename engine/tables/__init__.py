"""The engine's own small SQLite database: runs, what flows hand on, schedules, notifications."""
