"""upload.py FILE URL DIGEST STORAGE: tuspy uploads a file, and goes on with an upload that STORAGE knows."""

import sys

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage

file, url, digest, storage = sys.argv[1:]
TusClient(url, headers={"Digest": digest}).uploader(
    file,
    metadata={"filename": "世界.bin", "filetype": "application/x-tuspy"},
    store_url=True,
    url_storage=FileStorage(storage),
    retries=3,
    retry_delay=1,
).upload()
