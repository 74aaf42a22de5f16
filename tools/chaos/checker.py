"""All rules, over one history."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tools.chaos import client_rules, flatten_rules, log_rules, order_rules
from tools.chaos.history import History

Rule = Callable[[History], Iterator[str]]

RULES: tuple[Rule, ...] = (
    log_rules.no_id_twice,
    log_rules.revisions_run_without_gap_or_double,
    log_rules.each_state_follows_from_the_one_before,
    log_rules.every_step_is_allowed,
    log_rules.refusals_are_right,
    log_rules.the_kill_switch_latches,
    log_rules.enabled_mode_and_thresholds_follow_from_the_log,
    log_rules.nothing_logged_before_a_halt_takes_effect_after_it,
    order_rules.nothing_sent_before_a_halt_takes_effect_after_it,
    order_rules.old_thresholds_do_not_replace_newer_ones,
    order_rules.what_says_no_time_or_a_future_one_is_rejected,
    log_rules.only_a_later_halt_supersedes,
    log_rules.expiry_is_kept,
    log_rules.nothing_stays_pending,
    log_rules.finished_rows_are_whole,
    log_rules.nothing_ends_before_it_began,
    client_rules.what_was_said_to_be_applied_is_applied,
    client_rules.what_was_refused_has_no_effect,
    client_rules.what_was_never_accepted_is_absent,
    client_rules.what_was_accepted_reached_an_end,
    client_rules.what_is_unknown_is_absent_or_its_own,
    client_rules.nothing_happens_twice,
    client_rules.order_is_real_time_order,
    client_rules.who_looks_sees_what_is_acknowledged,
    client_rules.a_frozen_process_delays_no_kill,
    client_rules.every_answer_is_described,
    flatten_rules.every_flatten_ends,
    flatten_rules.what_was_asked_to_be_flattened_is,
    flatten_rules.flattens_come_from_applied_commands_one_at_a_time,
)


@dataclass(frozen=True)
class Violation:
    rule: str
    what: str

    def __str__(self) -> str:
        return f"{self.rule.replace('_', ' ')}: {self.what}"


def check(history: History) -> list[Violation]:
    """Every breach of every rule; none is what is hoped for."""
    return [Violation(rule.__name__, what) for rule in RULES for what in rule(history)]
