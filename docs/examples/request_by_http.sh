#!/bin/sh
# Ask for a migration by HTTP and wait up to ten seconds for the decision. Needs WHIMBREL_URL and WHIMBREL_TOKEN.
exec curl --silent --show-error --fail-with-body "$WHIMBREL_URL/v1/migrations" \
  --header "Authorization: Bearer $WHIMBREL_TOKEN" --header "Content-Type: application/json" \
  --header "Idempotency-Key: ${KEY:-payroll-2026-11}" --header "Prefer: wait=10" --data \
  '{"appName": "payroll", "environment": "dev", "provider": "rehearsal", "source": {}, "target": {}, "limits": ["rate/starts"]}'
