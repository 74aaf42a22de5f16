"""Programs for those who work on Pitboss: the benchmark, the fault run, the trial of the deployment, the documentation."""
