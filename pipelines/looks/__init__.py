"""Looks of the driver at videos and masks that strangers made, each bounded in time and memory."""
