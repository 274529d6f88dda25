"""Who uses the flow cache, and what may go from it? Records that runs keep beside it, and what is decided from them."""
