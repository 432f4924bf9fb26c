"""The way in: HTTP and the intake topic. Checks what is asked, puts it on the log, answers from the log and the read model."""
