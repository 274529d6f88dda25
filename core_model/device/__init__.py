"""Memory, precision and compilation on a device."""
