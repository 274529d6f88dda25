"""Commands that need a cluster; `reelmend` finds them by their entry points."""
