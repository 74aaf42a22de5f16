"""What any program needs to run: logs, threads, time-outs."""
