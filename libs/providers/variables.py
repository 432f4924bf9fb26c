"""Variables of the environment that providers read where they need them: what a request may make a worker reach."""

VARIABLES = {
    "WHIMBREL_CREDENTIAL_ENV": "Patterns of variables that requests may refer to; *_DSN,*_WEBHOOK_SECRET when left out",
    "WHIMBREL_CREDENTIAL_DIR": "Directory of the files that requests may refer to, a folder a tenant; /run/secrets when left out",
    "WHIMBREL_CONNECTION_DIR": "Directory below which a move of PostgreSQL may write connection files; none when left out",
    "WHIMBREL_PORT_URLS": "Addresses, separated by commas, below which the ports of aws_mgn may lie; none when left out",
    "WHIMBREL_REHEARSAL_ROOT": "Directory below which rehearsals may record effects; that for temporary files when left out",
}
"""What each means, by its name."""
