"""The audit: every chain of the log checked, from Kafka or from an export, and its heads sealed so that a cut tail is found too."""
