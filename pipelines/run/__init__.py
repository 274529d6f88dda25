"""The course of a run: driver, state machine, executors."""
