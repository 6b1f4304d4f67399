"""What the system is asked for so that nothing is left when a process is killed: locks, folders, parts, children."""
