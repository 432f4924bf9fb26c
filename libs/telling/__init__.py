"""How other systems are told something: signed webhooks to checked addresses, and messages on topics of their own."""
