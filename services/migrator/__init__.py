"""The worker that acts: applies and undoes the steps of migrations."""
