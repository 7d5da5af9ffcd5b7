"""The command line, the typed configuration, the list of jobs and the runner."""
