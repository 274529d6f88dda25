"""Functions of the Python interface: what `import reelmend` offers, typed and without a command line.

Nothing here prints: messages go to the logger `reelmend`, which is silent unless the program configures logging.
"""

import logging

logging.getLogger("reelmend").addHandler(logging.NullHandler())
