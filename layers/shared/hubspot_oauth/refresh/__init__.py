"""How tokens stay fresh: who is due, one refresh, what its failure means, the breaker."""
