"""Which run may write to an output folder?"""
