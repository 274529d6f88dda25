"""How well masks are found, on clips whose truth is known."""
