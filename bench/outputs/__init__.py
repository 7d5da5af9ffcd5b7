"""What is written from a run folder alone: tables, figures, report, exports."""
