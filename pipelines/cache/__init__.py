"""Use and eviction of the flow cache, from records that runs keep beside it."""
