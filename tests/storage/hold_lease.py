"""`python tests/storage/hold_lease.py PLACE`: another process that holds a lease until it is killed."""

import sys
import time

import gs_on_disk  # noqa: F401  # so that gs:// is there, too

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.open import lease_on
from reelmend.pipelines.storage.location import location_of

with lease_on(location_of(sys.argv[1]), "other", Files()):
    print("held", flush=True)
    time.sleep(60)
