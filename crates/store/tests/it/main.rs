//! One suite, two databases.
//!
//! Every case is a function over a [`Db`] that hands out fresh databases. On SQLite each case is a test of its own;
//! on PostgreSQL all run in one test, because a cluster takes seconds to make and a database takes none.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test fails by panicking"
)]

mod chains;
mod commits;
mod contracts;
mod copies;
mod crashes;
mod db;
mod digests;
mod drops;
mod finders;
mod kills;
mod letters;
mod make;
mod mentions;
mod model;
mod observations;
mod opening;
mod reading;
mod records;
mod reorgs;
mod size;
mod sources;
mod sqlite_only;
mod states;
mod writers;

use db::Db;

macro_rules! cases {
    ($($module:ident :: $case:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                crate::$module::$case(&crate::Db::sqlite()).await;
            })+
        }

        async fn every_case(db: &Db) {
            $(eprintln!(concat!("case ", stringify!($module), "::", stringify!($case)));
            crate::$module::$case(db).await;)+
        }
    };
}

cases! {
    chains::a_chain_starts_where_asked_and_never_leaves_a_gap,
    chains::tags_are_kept_per_chain,
    chains::an_unknown_chain_is_said_to_be_unknown,
    commits::facts_come_back_as_they_went_in,
    commits::the_same_fact_twice_is_one_row,
    commits::a_page_that_follows_another_checkpoint_is_refused,
    commits::of_two_writers_one_wins,
    commits::a_commit_that_fails_leaves_nothing,
    commits::a_changed_fact_is_refused_whatever_changed,
    commits::a_page_that_contradicts_itself_is_refused,
    commits::a_log_of_an_unknown_contract_is_refused,
    commits::numbers_that_do_not_fit_are_refused,
    contracts::what_was_found_first_is_kept,
    contracts::every_contract_can_be_read_back,
    contracts::a_late_contract_has_a_gap_until_it_is_filled,
    contracts::contracts_go_and_come_with_the_block_that_named_them,
    contracts::a_rewind_forgets_what_was_covered_above_it,
    contracts::what_is_remembered_is_what_was_written_last,
    contracts::code_that_came_later_goes_with_its_block,
    contracts::only_a_check_moves_the_verified_block_up,
    contracts::a_rewind_takes_the_verified_block_along,
    copies::a_copy_there_and_back_is_the_same,
    copies::a_copy_that_is_cut_short_leaves_nothing,
    copies::nothing_is_copied_over_anything,
    digests::history_of_insertion_does_not_show,
    digests::every_difference_shows,
    digests::large_stores_are_read_in_steps,
    drops::a_question_that_is_left_anywhere_spoils_no_other,
    finders::announcements_are_found_by_when_they_are_ripe,
    finders::blocks_in_which_something_was_said_come_one_after_the_other,
    finders::bytes_are_kept_under_their_own_hash,
    kills::a_writer_killed_at_any_instant_leaves_whole_pages,
    letters::a_subscription_comes_back_as_it_went_in,
    letters::letters_and_the_place_behind_them_are_written_together,
    letters::a_letter_goes_until_it_is_acknowledged_and_never_again,
    letters::an_endpoint_that_is_gone_gets_nothing_until_somebody_says_so,
    letters::what_was_told_of_a_block_can_be_taken_back_and_told_again,
    letters::old_letters_are_forgotten_and_what_has_to_be_known_is_not,
    letters::one_process_at_a_time_is_the_sender,
    letters::subscribers_are_no_facts,
    mentions::pages_of_what_mentions_a_word_add_up,
    mentions::pages_of_contracts_add_up,
    mentions::a_registry_is_found_by_the_apps_whose_signers_it_knows,
    model::random_steps_agree_with_a_naive_model,
    observations::a_sighting_comes_back_as_it_went_in,
    observations::the_same_quote_again_is_the_same_observation,
    observations::what_is_judged_in_another_way_is_told_and_the_old_verdict_stays,
    observations::what_is_only_claimed_is_told_apart,
    observations::pages_of_observations_add_up_while_more_arrive,
    observations::an_alert_is_to_be_told_once,
    observations::what_is_kept_is_what_its_hash_says,
    observations::what_is_old_is_dropped_and_its_verdict_stays,
    observations::what_had_been_observed_is_told_as_it_had_been_judged,
    observations::observations_are_no_facts_and_come_along_in_a_copy,
    opening::a_newer_schema_is_refused,
    opening::a_read_only_store_reads_and_never_writes,
    opening::an_empty_database_is_not_ours_to_read,
    opening::opening_twice_keeps_everything,
    crashes::a_crash_before_the_end_of_a_transaction_leaves_nothing,
    reading::logs_are_in_chain_order_however_they_came,
    reading::many_addresses_are_merged_in_order,
    reading::up_to_is_inclusive,
    reading::blocks_are_found_by_number_hash_and_time,
    reading::a_time_is_that_of_the_last_block_before_it,
    reading::chains_do_not_mix,
    records::an_entry_is_found_by_its_time,
    records::what_was_held_is_told_as_it_was,
    reorgs::an_orphaned_block_answers_nothing_but_is_listed,
    reorgs::a_block_that_comes_back_is_canonical_again,
    reorgs::a_fork_without_a_rewind_is_refused,
    reorgs::a_rewind_to_a_block_nobody_stored_keeps_the_rest,
    reorgs::a_rewind_replaces_the_block_at_its_own_height,
    reorgs::a_rewind_never_goes_forward,
    reorgs::rewinding_to_nothing_starts_over,
    reorgs::rewinding_to_nothing_leaves_the_chain_before,
    sources::what_was_answered_holds_from_its_block_on_and_goes_with_it,
    sources::what_was_answered_is_written_with_its_page,
    sources::a_refuted_log_answers_nothing_and_is_kept,
    states::a_long_history_is_read_in_steps,
    states::what_is_read_while_the_chain_turns_is_of_one_branch,
    states::a_kept_state_changes_no_answer,
    states::states_of_many_are_what_each_folds_to,
    states::states_are_kept_while_others_write,
    states::a_state_is_kept_only_on_the_chain_it_is_of,
    writers::one_process_at_a_time_is_the_writer,
    writers::who_lost_the_lock_writes_nothing,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres() {
    if let Some(db) = Db::postgres() {
        every_case(&db).await;
        opening::a_server_that_is_not_there_is_named(&db).await;
    }
}
