"""What the acceptance tests stand on: a Redis, a Cameron node, a scriptable activity service, clients; all real and local."""
