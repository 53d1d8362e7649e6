"""Where answers are judged: within a caller's time, and in the background when that is over."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable

from inference.errors import BadInput, ModelError, StorageError
from mcp_server.house import Entrance, House
from mcp_server.jobs import JobStore
from mcp_server.results import ScoredAnswer
from mcp_server.scored import scored
from mcp_server.scoring import Scoring, Wish
from principle_store.types import LibraryStamp
from rubrics.types import Rubric, unjudged

RETRIEVED = 6  # principles for a rubric that the caller did not give

Told = Callable[[int, int, str], Awaitable[None]]
"""Is told of progress: verdicts so far, how many there will be, and the newest in words."""


class Workroom:
    def __init__(self, entrance: Entrance, jobs: JobStore) -> None:
        self._entrance, self._jobs = entrance, jobs
        self._running: dict[str, Scoring] = {}
        self._keepers: set[asyncio.Task[None]] = set()

    async def score(self, wish: Wish, seconds: float, told: Told) -> ScoredAnswer:
        """Judge as much as can be in this time; the rest goes on as a job.

        Raises:
            ClinalignError: the wish cannot be met.
        """
        scoring = self._start(Scoring(wish))
        try:
            await _watched(scoring, seconds, told)
        except asyncio.CancelledError:
            _stop(scoring)
            raise
        if scoring.done:
            return scored(scoring)
        return await self._as_job(scoring)

    async def resume(self, job_id: str, seconds: float, told: Told) -> ScoredAnswer:
        """What has become of a job; one whose server has gone is taken up again.

        Raises:
            BadInput: there is no such job.
            ClinalignError: it cannot be gone on with.
        """
        if job_id not in self._running:
            kept = await asyncio.to_thread(self._jobs.get, job_id)
            if kept is None:
                raise BadInput("job_id", "the job_id of a partial score of the last 24 hours")
            if kept.result:
                return kept.result
            if kept.wish and job_id not in self._running:
                self._keep_going(job_id, self._start(Scoring(kept.wish, kept.verdicts)))
        scoring = self._running[job_id]
        await _watched(scoring, seconds, told)
        return scored(scoring, "" if scoring.done else job_id)

    async def rubric_for(self, wish: Wish) -> tuple[Rubric, LibraryStamp]:
        """The rubric that the wish is judged by, made if it has none.

        Raises:
            ClinalignError: none can be made.
        """
        house = await self._entrance.house()
        library = house.store.library
        stamp = LibraryStamp(version=library.version, hash=library.hash)
        return wish.rubric or await _made(house, wish), stamp

    async def close(self) -> None:
        """Stop all work; jobs are taken up again when they are asked for."""
        for scoring in self._running.values():
            _stop(scoring)
        # They end with what they keep, and write down what was done before.
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self._running.clear()

    def _start(self, scoring: Scoring) -> Scoring:
        scoring.task = asyncio.create_task(self._work(scoring))
        scoring.task.add_done_callback(lambda _: scoring.news())
        return scoring

    async def _work(self, scoring: Scoring) -> None:
        rubric, scoring.library = await self.rubric_for(scoring.wish)
        scoring.made = scoring.wish.rubric is None
        scoring.wish = scoring.wish.model_copy(update={"rubric": rubric})
        left = scoring.left()
        try:
            house = await self._entrance.house()
            judge = await house.judging(scoring.wish.mode)
        except ModelError as error:
            for verdict in unjudged(left, str(error)) if left else ():
                scoring.heard(verdict)
            return
        if judge is None:
            scoring.wants_verdicts = True
            return
        scoring.judge, scoring.agreement = judge.name, judge.agreement
        if left:
            wish = scoring.wish
            said = await judge.verdicts(wish.conversation, wish.answer, left, scoring.heard)
            for verdict in said:
                scoring.heard(verdict)

    async def _as_job(self, scoring: Scoring) -> ScoredAnswer:
        """What there is, with the promise of the rest if it can be kept."""
        job_id = secrets.token_urlsafe(16)
        try:
            await asyncio.to_thread(self._jobs.keep, job_id, scoring.wish, scoring.known())
        except StorageError as error:
            _stop(scoring)
            return scored(scoring, why=f"and it cannot go on in the background: {error}")
        self._keep_going(job_id, scoring)
        return scored(scoring, job_id)

    def _keep_going(self, job_id: str, scoring: Scoring) -> None:
        self._running[job_id] = scoring
        keeper = asyncio.create_task(self._kept(job_id, scoring))
        self._keepers.add(keeper)
        keeper.add_done_callback(self._keepers.discard)

    async def _kept(self, job_id: str, scoring: Scoring) -> None:
        """Write down each verdict as it comes, and at last the result."""
        try:
            async for _ in scoring.growth():
                await asyncio.to_thread(self._jobs.grow, job_id, scoring.wish, scoring.known())
            if scoring.task and not scoring.task.cancelled() and not scoring.task.exception():
                await asyncio.to_thread(self._jobs.finish, job_id, scored(scoring))
        except StorageError:
            return  # it lives on in this process alone; whoever asks gets it from here
        else:
            self._running.pop(job_id, None)


async def _watched(scoring: Scoring, seconds: float, told: Told) -> None:
    """Wait until it is done or the time is over, and tell of progress.

    Raises:
        ClinalignError: the work failed.
    """
    try:
        async with asyncio.timeout(seconds):
            async for count in scoring.growth():
                await told(count, len(scoring.verdicts), scoring.newest)
    except TimeoutError:
        pass
    if scoring.task and scoring.done:
        scoring.task.result()


def _stop(scoring: Scoring) -> None:
    if scoring.task:
        scoring.task.cancel()


async def _made(house: House, wish: Wish) -> Rubric:
    # Imported when needed: the server answers its first requests without it.
    from principle_store.store import principles_by_id
    from rubrics.writer import ready_rubric

    if wish.principle_ids:
        principles = principles_by_id(house.store.library, wish.principle_ids)
    else:
        reading = await house.reader.read(wish.conversation)
        found = await house.search.find(reading, RETRIEVED)
        principles = tuple(one.principle for one in found if one.on_topic)
    return ready_rubric([one.ready_criteria() for one in principles])
