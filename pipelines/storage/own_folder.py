"""Folders of this machine that belong to this user alone. Temporary folders are open to everybody who is on it."""

import os
import stat
from pathlib import Path

from reelmend.pipelines.errors import StoreError
from reelmend.pipelines.utils.user import user_id

_PRIVATE = 0o700  # nobody but its owner
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def own_folder(parent: Path, name: str) -> Path:
    """Return the folder `name` in `parent`, made if need be, that nobody else may look into.

    Raises StoreError where either belongs to somebody else, who could put files of theirs there, or read what is ours.
    """
    folder = parent / name
    try:
        _refuse_strangers(parent)
        parent.mkdir(parents=True, exist_ok=True)
        _refuse_strangers(parent)
        folder.mkdir(mode=_PRIVATE, exist_ok=True)
        _refuse_open(folder)
        folder.chmod(_PRIVATE)
    except OSError as exc:
        raise StoreError(f"{folder}: cannot be created or checked ({exc.strerror}); see store.cache_dir") from exc
    return folder


def refuse_strangers_folder(parent: Path, name: str) -> None:
    """Raise StoreError where `own_folder` would, as far as a look says; nothing is made."""
    try:
        _refuse_strangers(parent)
        if _told(parent / name, follow=False) is not None:
            _refuse_open(parent / name)
    except OSError as exc:
        raise StoreError(f"{parent / name}: cannot be checked ({exc.strerror}); see store.cache_dir") from exc


def _refuse_open(folder: Path) -> None:
    told = folder.lstat()
    if not stat.S_ISDIR(told.st_mode) or told.st_uid != user_id():
        raise StoreError(_not_ours(folder, told))
    if told.st_mode & _OTHERS_MAY_WRITE:
        raise StoreError(f"{folder}: other users can write to it; remove it, or set store.cache_dir to your own folder")


def _refuse_strangers(folder: Path) -> None:
    """A link counts as much as what it leads to; what root made is the machine's."""
    for told in (_told(folder, follow=False), _told(folder, follow=True)):
        if told is not None and told.st_uid not in (user_id(), 0):
            raise StoreError(_not_ours(folder, told))


def _told(folder: Path, *, follow: bool) -> os.stat_result | None:
    try:
        return folder.stat(follow_symlinks=follow)
    except FileNotFoundError:
        return None


def _not_ours(folder: Path, told: os.stat_result) -> str:
    whose = f"belongs to user {told.st_uid}" if stat.S_ISDIR(told.st_mode) else "is a link or a file"
    return f"{folder}: {whose}, but copies of inputs need a folder of this user; set store.cache_dir to another"
