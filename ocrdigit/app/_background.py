"""Reading of many files by a thread, while the page shows what is there already."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import closing

from ocrdigit.app._reading import read_sheets
from ocrdigit.app._settings import Settings
from ocrdigit.app._sheets import Sheet
from ocrdigit.app._uploads import Upload


class Background:
    """The sheets of uploads, read once for each content of a file.

    A thread reads what is new; :meth:`wait` lets the page answer small files at once.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._sheets: dict[str, list[Sheet]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wanted: list[Upload] = []
        self._error: Exception | None = None

    def request(self, uploads: Sequence[Upload]) -> None:
        """Read these uploads; the ones that were asked for before and are not begun are dropped."""
        with self._lock:
            self._wanted = list({upload.digest: upload for upload in uploads}.values())
            if self._thread is not None:
                return
            self._error = None  # of the thread before
            if self._pending():
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def wait(self, seconds: float) -> None:
        """Return when all is read, at the latest after some seconds."""
        thread = self._thread
        if thread is not None:
            thread.join(seconds)

    def sheets_of(self, upload: Upload) -> list[Sheet]:
        """Return the sheets of an upload, a page each; none while it is not read."""
        with self._lock:
            return list(self._sheets.get(upload.digest, ()))

    def progress(self) -> tuple[int, int]:
        """Return how many uploads are read, and how many there are.

        Raises
        ------
        Exception
            What stopped the thread since the last request; errors of single uploads are those of
            their sheets.
        """
        with self._lock:
            if self._error is not None:
                raise self._error
            return len(self._wanted) - len(self._pending()), len(self._wanted)

    def _pending(self) -> list[Upload]:
        return [upload for upload in self._wanted if upload.digest not in self._sheets]

    def _run(self) -> None:
        try:
            while True:
                with self._lock:
                    pending = self._pending()
                    if not pending:
                        self._thread = None  # the next request starts another
                        return
                self._read(pending)
        except Exception as error:  # of no upload in particular; shown by the page
            with self._lock:
                self._error, self._thread = error, None

    def _read(self, uploads: Sequence[Upload]) -> None:
        """Read uploads until others are wanted; one is complete when the next one begins.

        An upload of which nothing came is kept as an error, so that it is not asked for again.
        """
        digests = {upload.digest for upload in uploads}
        current: list[Sheet] = []
        with closing(read_sheets(uploads, self._settings)) as sheets:
            for sheet in sheets:
                if current and current[-1].digest != sheet.digest:
                    self._keep(current)
                    current = []
                    wanted = self._wanted_digests()
                    if not wanted or not wanted <= digests:
                        return
                current.append(sheet)
        if current:
            self._keep(current)
        for digest in digests & self._wanted_digests():
            nothing = ValueError(f"{digest} has no page")
            self._keep([Sheet(digest, None, error=nothing)])

    def _wanted_digests(self) -> set[str]:
        with self._lock:
            return {upload.digest for upload in self._pending()}

    def _keep(self, sheets: list[Sheet]) -> None:
        with self._lock:
            self._sheets[sheets[0].digest] = sheets
