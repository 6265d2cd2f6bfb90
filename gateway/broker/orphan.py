"""Ends a broker of ours that a killed parent left behind. Two servers on one store would destroy it."""

from pathlib import Path

import psutil  # type: ignore[import-untyped]  # ships no types

PATIENCE_S = 2.0


def end_orphan(pid_file: Path, config_file: Path) -> int | None:
    """End the process in `pid_file` if it runs with our configuration file; wait until it is gone.

    Blocks up to twice `PATIENCE_S`. A process that only happens to have got the number is left alone.

    Returns:
        The process id, if one was ended.
    """
    try:
        process = psutil.Process(int(pid_file.read_text()))
        if str(config_file) not in process.cmdline():
            return None
        process.terminate()
        try:
            process.wait(PATIENCE_S)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(PATIENCE_S)
        return int(process.pid)
    except (FileNotFoundError, ValueError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
