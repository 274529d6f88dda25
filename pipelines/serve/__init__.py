"""What does a person see of a run while it goes on, from any machine that reaches its folder? A live page."""
