"""Everything that starts Whimbrel somewhere: packaged servers, containers, charts, dashboards."""
