"""Leases by kind of place: a locked file on a disk, an object in a bucket."""

from reelmend.pipelines.storage.files import Files
from reelmend.pipelines.storage.leases.lease import FileLease, Holder, Lease
from reelmend.pipelines.storage.leases.lease_object import LeaseObject
from reelmend.pipelines.storage.location import Location, RemotePath


def lease_on(place: Location, run_id: str, files: Files) -> Lease:
    """Return the lease at `place`, to be entered."""
    if isinstance(place, RemotePath):
        from reelmend.pipelines.storage.leases.remote_lease import RemoteLease  # which imports this

        return RemoteLease(place, Holder.this_process(run_id), lease_object(place, files.hasty))
    return FileLease(place, Holder.this_process(run_id))


def lease_object(place: RemotePath, files: Files) -> LeaseObject:
    """Return the object of the store that `place` is in."""
    system = files.of(place)
    if place.scheme == "s3":
        from reelmend.pipelines.storage.leases.s3_lease import S3LeaseObject  # with it comes boto3
        from reelmend.pipelines.storage.s3_files import S3Files

        assert isinstance(system, S3Files)
        return S3LeaseObject(place, system)
    from reelmend.pipelines.storage.fsspec_files import FsspecFiles
    from reelmend.pipelines.storage.leases.fsspec_lease import FsspecLeaseObject

    assert isinstance(system, FsspecFiles)
    return FsspecLeaseObject(place, system)
