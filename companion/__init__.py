"""Binary cross-entropy, derived and checked."""
