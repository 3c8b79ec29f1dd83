"""SHA-256 of an opened file, when nothing else of it is wanted."""

import hashlib
import os

from infra.intake.opened import OpenedFile
from infra.intake.refusal import FileRefused, refuse_error


def hash_opened(opened: OpenedFile) -> bytes:
    """Return the SHA-256 of the whole file. Raises: FileRefused if it cannot be read or changes meanwhile."""
    try:
        with os.fdopen(os.dup(opened.fd), "rb", buffering=0) as file:
            digest = hashlib.file_digest(file, "sha256").digest()
            read = file.tell()
    except OSError as err:
        raise FileRefused(refuse_error(opened.path, err, seen=True)) from err
    opened.check_unchanged(read)
    return digest
