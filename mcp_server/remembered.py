"""The newest results of a tool whose answer depends on its arguments alone."""

import hashlib
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any

from mcp_types import CallToolResult, InputRequiredResult

MOST = 64  # results, of about 100 kB each: who revises an answer asks the same again

Result = CallToolResult | InputRequiredResult


class Remembered:
    """Keeps what was found, never what failed, in memory only.

    Args:
        is_whole: whether a result may be given again.
    """

    def __init__(self, is_whole: Callable[[dict[str, Any]], bool]) -> None:
        self._is_whole = is_whole
        self._results: OrderedDict[bytes, Result] = OrderedDict()

    async def of(self, arguments: dict[str, Any], call: Callable[[], Awaitable[Result]]) -> Result:
        """What was answered to the very same arguments, or else what the call answers."""
        written = json.dumps(arguments, sort_keys=True)  # 1, 1.0 and true stay different
        asked = hashlib.sha256(written.encode()).digest()
        if asked not in self._results:
            result = await call()
            if not self._may_be_kept(result):
                return result
            self._results[asked] = result
        self._results.move_to_end(asked)
        while len(self._results) > MOST:
            self._results.popitem(last=False)
        return self._results[asked]

    def _may_be_kept(self, result: Result) -> bool:
        if not isinstance(result, CallToolResult) or result.is_error:
            return False
        return self._is_whole(result.structured_content or {})
