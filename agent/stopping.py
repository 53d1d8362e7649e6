"""When the agent stops, and the name of the reason. Pure."""

from agent.state import Attempt, Limits, StopReason, best


def stop_reason(attempts: tuple[Attempt, ...], limits: Limits) -> StopReason | None:
    """Why to stop after the newest attempt; None to go on revising."""
    newest = attempts[-1]
    if newest.score.fraction is None or newest.score.coverage < limits.least_coverage:
        return "coverage_too_low"
    if newest.fraction >= limits.target:
        return "target_reached"
    if best(attempts) != len(attempts) - 1:
        return "no_gain"
    if len(attempts) > limits.rounds:
        return "round_limit"
    return None
