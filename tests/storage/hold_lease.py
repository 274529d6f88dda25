"""`python -m tests.storage.hold_lease PLACE`: another process that holds a lease until it is killed."""

import sys
import time

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.location import location_of
from tests.storage import gs_on_disk  # noqa: F401  # so that gs:// is there, too

with lease_on(location_of(sys.argv[1]), "other", Files()):
    print("held", flush=True)
    time.sleep(60)
