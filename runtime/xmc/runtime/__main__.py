"""`python -m xmc.runtime SETTINGS`: the serving process, as `xmc serve` starts it.

Exit codes: 0 stopped by a signal, 1 the table or its secrets cannot be served, 2 wrong settings or address, 3 a fault
of our own, 4 a secret store did not answer.
"""

import asyncio
import os
import sys

import uvloop

from xmc.runtime.fault import report_fault
from xmc.runtime.process import INTERNAL, USAGE, StartError, serve
from xmc.runtime.settings import SettingsError, decode_settings

_ARGUMENTS = 2


def main(arguments: list[str]) -> int:
    """Run the process and return its exit code."""
    if len(arguments) != _ARGUMENTS:
        sys.stderr.write("xmc: one argument, the settings, is expected; start the server by `xmc serve`\n")
        return USAGE
    try:
        settings = decode_settings(arguments[1])
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve(settings, os.environ))
    except SettingsError as error:
        sys.stderr.write(f"xmc: {error}\n")
        return USAGE
    except StartError as error:
        sys.stderr.write(f"xmc: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:  # before the signal handlers were in place
        return 0
    except Exception as error:  # noqa: BLE001 - the outermost boundary
        report_fault(error, "the serving process")
        return INTERNAL
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
