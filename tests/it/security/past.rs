//! What went wrong in systems of this kind, fault by fault, and the cases that show that it does not here. The page
//! `docs/past-faults.md` is written from this table.

use std::fmt::Write;
use std::path::Path;

use crate::harness::cases;

/// A fault of others.
struct Past {
    number: u16,
    /// What went wrong there.
    went_wrong: &'static str,
    /// Cases that show that it does not here.
    cases: &'static [&'static str],
    /// Why it cannot happen here, or what the cases leave open.
    because: &'static str,
}

const fn past(number: u16, went_wrong: &'static str, cases: &'static [&'static str], because: &'static str) -> Past {
    Past { number, went_wrong, cases, because }
}

/// How many there are.
const ALL: u16 = 66;

const TITLES: &[(u16, &str)] = &[
    (1, "Reading what one may not read"),
    (17, "Doing what one may not do"),
    (30, "Becoming somebody else"),
    (41, "Making it fall over"),
    (53, "Injection and output"),
    (60, "Losing or doubling"),
];

const PAST: &[Past] = &[
    past(
        1,
        "A filter took any attribute and association; secrets were read by yes-and-no questions.",
        &[
            "worlds::nobody_learns_what_is_kept_from_them_by_any_answer",
            "security::reading::nothing_hidden_is_filtered_or_sorted_by",
        ],
        "",
    ),
    past(
        2,
        "Filters on relations and qualified names leaked password hashes.",
        &[
            "security::reading::nothing_hidden_is_filtered_or_sorted_by",
            "security::reading::no_answer_holds_what_is_hidden",
        ],
        "",
    ),
    past(
        3,
        "An unknown query parameter reached a lower layer.",
        &[
            "security::reading::unknown_parameters_are_refused_on_every_route",
            "security::reading::a_route_without_parameters_answers_the_same_with_one",
        ],
        "OAuth and SCIM have to pass over what they do not know (RFC 6749, section 3.1; RFC 7644, section 3.4.2); it reaches nothing.",
    ),
    past(
        4,
        "A filter that was not allowed was dropped, and everything came back.",
        &[
            "security::reading::unknown_parameters_are_refused_on_every_route",
            "security::reading::a_filter_never_makes_a_list_longer",
            "rest::a_wrong_parameter_is_named_with_those_that_are_right",
        ],
        "",
    ),
    past(
        5,
        "Logical operators and dotted paths went past the check of fields.",
        &[
            "security::reading::nothing_hidden_is_filtered_or_sorted_by",
            "scim::users_are_found_by_filter_and_page",
            "scim::nobody_finds_the_users_of_another",
        ],
        "Lists have no operators and no paths. SCIM filters have, and are asked of what the client is shown anyway.",
    ),
    past(
        6,
        "Protected values were guessed letter by letter through search.",
        &[
            "worlds::nobody_learns_what_is_kept_from_them_by_any_answer",
            "tenancy::a_search_finds_only_what_the_caller_may_know_of",
        ],
        "",
    ),
    past(
        7,
        "A count answered where reading was refused.",
        &[
            "worlds::nobody_learns_what_is_kept_from_them_by_any_answer",
            "tenancy::no_list_shows_a_row_of_the_other_partnership",
            "tenancy::no_graphql_list_shows_a_row_of_the_other_partnership",
        ],
        "",
    ),
    past(
        8,
        "A GraphQL field gave out any record, by no rule.",
        &[
            "access::every_cell_of_the_table_holds_through_graphql",
            "tenancy::node_and_every_reader_answer_a_foreign_id_like_a_random_one",
            "tenancy::nested_fields_show_nothing_of_the_other_partnership",
        ],
        "",
    ),
    past(
        9,
        "Several roles together lost the rules of each.",
        &["identity::somebody_at_two_tables_says_at_which", "security::doing::a_token_gives_no_right_by_what_it_says"],
        "A request is made in one role at one table. Roles do not inherit and are not combined.",
    ),
    past(
        10,
        "A special endpoint skipped the rules of fields.",
        &[
            "access::every_cell_of_the_table_holds_through_rest",
            "tenancy::members_that_are_not_the_callers_to_see_are_absent",
            "events::the_feed_shows_each_what_a_read_shows_them_and_all_of_it",
        ],
        "",
    ),
    past(
        11,
        "Introspection showed a schema that was meant to be secret.",
        &["graphql_http::the_schema_can_be_asked_for", "contract::the_committed_documents_are_the_generated_ones"],
        "The schema is published with the program. Nothing depends on its being unknown, and suggestions are off.",
    ),
    past(
        12,
        "Private exports were handed to others, by colliding ids and links that lived on.",
        &[
            "security::reading::a_file_is_given_to_whoever_may_read_the_list_and_kept_nowhere",
            "security::reading::no_id_and_no_secret_comes_twice",
            "tabular::a_file_holds_what_the_list_shows_to_whoever_asks",
        ],
        "Exports are streamed to whoever asks; none is kept and none has an address.",
    ),
    past(
        13,
        "Private events stood in public calendars; feed tokens were kept readable and outlived the membership.",
        &[
            "calendars::a_feed_shows_what_its_owner_may_see_and_nothing_else",
            "calendars::a_feed_is_its_owners_alone_and_its_address_is_shown_once",
            "calendars::a_feed_dies_with_the_role",
            "security::signing_in::no_secret_is_logged_even_when_everything_is",
        ],
        "",
    ),
    past(
        14,
        "Whoever held a shared link had a member's rights, and kept them.",
        &[
            "calendars::a_feed_shows_what_its_owner_may_see_and_nothing_else",
            "calendars::a_feed_dies_with_the_role",
            "access::every_cell_of_the_table_holds_through_rest",
        ],
        "The only secret address is that of a calendar feed, which reads meetings. Nobody who is not signed in has a role.",
    ),
    past(
        15,
        "Events of subscriptions were not filtered by permission.",
        &[
            "events::the_feed_shows_each_what_a_read_shows_them_and_all_of_it",
            "streams::a_stream_tells_what_happens_and_goes_on_where_it_broke_off",
            "webhooks::a_webhook_is_told_what_its_owner_may_read_and_signed",
        ],
        "",
    ),
    past(
        16,
        "Live queries resolved who listens without roles, shared state, and told by an event's coming.",
        &[
            "events::the_feed_shows_each_what_a_read_shows_them_and_all_of_it",
            "streams::a_stream_ends_when_the_role_is_lost",
            "streams::another_replica_tells_of_it_and_ends_what_was_lost",
            "worlds::nobody_learns_what_is_kept_from_them_by_any_answer",
        ],
        "",
    ),
    past(
        17,
        "A second way to sign in ignored the lock.",
        &[
            "security::doing::a_suspended_login_is_refused_at_every_way_in",
            "oidc::a_suspended_login_does_not_come_in_by_its_identity",
            "identity::a_suspended_account_is_dead_at_once_on_both_doors",
        ],
        "",
    ),
    past(
        18,
        "A suspended user worked on with the old session.",
        &[
            "identity::a_suspended_account_is_dead_at_once_on_both_doors",
            "tokens::a_lost_role_is_lost_on_every_server_within_a_second",
            "streams::a_stream_ends_when_the_role_is_lost",
            "scim::who_is_deactivated_is_out_on_every_server_within_a_second",
        ],
        "",
    ),
    past(
        19,
        "A new password left refresh tokens alive.",
        &[
            "identity::a_new_password_ends_every_other_session",
            "tokens::a_reused_refresh_token_takes_the_access_tokens_with_it",
        ],
        "",
    ),
    past(
        20,
        "Anybody could accept amendments.",
        &[
            "access::every_cell_of_the_table_holds_through_rest",
            "access::every_cell_of_the_table_holds_through_graphql",
            "codes::no_account_of_the_intermediary_sets_the_course_through_any_door",
            "histories::every_history_of_direction_goes_as_the_model_says",
        ],
        "",
    ),
    past(
        21,
        "Screens of administrators had no checks.",
        &[
            "access::both_documents_name_exactly_the_operations",
            "security::doing::nobody_changes_anything_without_signing_in",
        ],
        "The access table is a match without a wildcard: an operation without a row does not compile.",
    ),
    past(
        22,
        "An administrator of one tenant changed records of another.",
        &[
            "access::every_cell_of_the_table_holds_through_rest",
            "tenancy::a_foreign_id_in_a_body_is_refused_like_a_random_one",
            "tenancy::a_cursor_of_the_other_partnership_opens_nothing",
            "tenancy::an_import_into_the_other_partnership_is_refused",
        ],
        "",
    ),
    past(
        23,
        "Attaching linked any two records; bulk actions ran on other kinds.",
        &[
            "tenancy::a_foreign_id_in_a_body_is_refused_like_a_random_one",
            "tabular::rows_find_their_records_by_id_external_id_or_member",
        ],
        "There are no bulk actions. An import writes row by row through the operation that one row would take.",
    ),
    past(
        24,
        "A record was changed by knowing its id.",
        &[
            "access::every_cell_of_the_table_holds_through_rest",
            "access::every_cell_of_the_table_holds_through_graphql",
        ],
        "",
    ),
    past(
        25,
        "Roles were set by mass assignment.",
        &[
            "security::doing::no_member_is_set_that_is_not_given_to_set",
            "security::doing::both_doors_take_the_same_members_and_no_others",
            "tabular::refused_rows_are_named_by_line_and_member_and_nothing_is_written",
        ],
        "",
    ),
    past(
        26,
        "Changing many skipped the rule of the row; an upsert used only the rule of the insert.",
        &[
            "tabular::a_record_is_made_or_changed_by_its_external_id",
            "tabular::an_import_endorses_nothing_in_an_employers_place",
            "tabular::an_import_ends_with_the_role_of_whoever_asked_for_it",
            "codes::no_import_for_the_intermediary_sets_the_course",
        ],
        "",
    ),
    past(
        27,
        "A direct upload skipped the policy of its field.",
        &[],
        "Records have no attachments, and there is no upload beside the body of an operation.",
    ),
    past(
        28,
        "An invitation that had expired was revived by the reset of a password.",
        &[
            "identity::an_expired_or_archived_invitation_is_dead",
            "oidc::browsers_come_back_only_where_the_settings_say",
        ],
        "There is no reset by mail. Every way that takes an invitation asks one function whether it is open.",
    ),
    past(
        29,
        "Names of permissions were misread by administrators.",
        &["security::doing::the_doctor_warns_of_grants_that_are_too_wide"],
        "Who may do what is not configured. What is configured and too wide, `doctor` names.",
    ),
    past(
        30,
        "A token without a signature was believed.",
        &[
            "tokens::hostile_tokens_are_refused_alike",
            "identity::hostile_tokens_are_refused",
            "oidc::hostile_id_tokens_are_refused",
            "security::parsers::tokens_of_any_form_are_refused",
        ],
        "",
    ),
    past(
        31,
        "An expiry written as text was not checked.",
        &[
            "security::signing_in::every_claim_is_refused_in_every_other_type",
            "tokens::hostile_tokens_are_refused_alike",
            "security::doubling::libraries_are_newer_than_their_known_faults",
        ],
        "",
    ),
    past(
        32,
        "An address claimed beforehand took over the account at the first social sign-in.",
        &[
            "oidc::an_address_never_links_an_identity_to_a_login",
            "scim::a_provisioned_login_meets_no_other_by_its_address",
        ],
        "",
    ),
    past(
        33,
        "Confirmations and counters of failures were raced.",
        &[
            "security::signing_in::fifty_guesses_at_once_are_counted_as_fifty",
            "identity::an_invitation_is_accepted_once_however_many_try",
        ],
        "Addresses are not confirmed by links; an invitation goes to the address it names.",
    ),
    past(
        34,
        "Codes for one use were used twice in parallel.",
        &[
            "security::signing_in::of_sixty_four_uses_of_a_secret_one_succeeds",
            "tokens::of_sixty_four_uses_of_a_refresh_token_one_is_answered",
            "oidc::of_sixty_four_completions_one_is_made",
        ],
        "",
    ),
    past(
        35,
        "The key of a rate limit held a field of the body; batches went past it; client addresses were misread.",
        &[
            "security::signing_in::aliases_and_batches_are_attempts_each",
            "security::signing_in::a_forwarded_address_is_believed_from_trusted_proxies_alone",
            "limits::every_root_field_of_a_graphql_request_counts",
            "identity::signing_in_is_slowed_down_by_account_and_by_address",
        ],
        "",
    ),
    past(
        36,
        "Answers and their times told who has a login.",
        &[
            "security::signing_in::no_answer_tells_who_has_a_login",
            "tokens::a_sign_in_takes_as_long_for_an_address_nobody_has",
            "identity::a_wrong_password_is_answered_like_an_unknown_address",
        ],
        "The test of ranks over 4,000 sign-ins runs in the long form.",
    ),
    past(
        37,
        "A link was built from the Host header.",
        &["security::signing_in::links_and_issuers_come_from_the_settings_whatever_the_host_says"],
        "",
    ),
    past(
        38,
        "After signing in, a browser was sent anywhere.",
        &[
            "security::signing_in::no_spelling_of_an_address_to_come_back_to_leads_elsewhere",
            "oidc::browsers_come_back_only_where_the_settings_say",
        ],
        "",
    ),
    past(
        39,
        "Secrets were compared in varying time, or by their beginnings.",
        &["security::signing_in::a_secret_is_taken_whole_or_not_at_all", "tokens::hostile_tokens_are_refused_alike"],
        "Secrets are 256 random bits, kept and looked up by their SHA-256 hash, so timing tells of hashes alone.",
    ),
    past(
        40,
        "Secrets stood in logs.",
        &["security::signing_in::no_secret_is_logged_even_when_everything_is", "identity::secrets_are_shown_once"],
        "",
    ),
    past(
        41,
        "Nested fragments overflowed the stack.",
        &[
            "security::falling_over::depth_and_cost_are_refused_before_anything_runs",
            "security::parsers::questions_of_any_form_are_read_or_refused",
        ],
        "",
    ),
    past(
        42,
        "Aliases multiplied an expensive resolver, without signing in.",
        &[
            "security::falling_over::fifty_aliases_of_a_relation_are_one_statement",
            "security::falling_over::depth_and_cost_are_refused_before_anything_runs",
            "security::falling_over::relations_bring_in_a_bounded_number_of_records",
        ],
        "",
    ),
    past(
        43,
        "Cost had no limit, or none on subscriptions, or its measure was itself exponential.",
        &[
            "security::falling_over::a_socket_bounds_documents_like_a_request_does",
            "security::falling_over::relations_bring_in_a_bounded_number_of_records",
            "graphql_http::doubling_fragments_are_refused_before_they_cost_anything",
        ],
        "",
    ),
    past(
        44,
        "Comments were not counted; directives were without number.",
        &[
            "graphql_http::depth_aliases_fields_and_size_are_bounded",
            "security::falling_over::depth_and_cost_are_refused_before_anything_runs",
        ],
        "",
    ),
    past(
        45,
        "A pattern of the client's, or over a client's header, ran without end.",
        &[
            "security::falling_over::long_texts_cost_no_more_than_their_length",
            "security::injection::payloads_are_words_and_nothing_else",
        ],
        "No pattern comes from a client. A search is words.",
    ),
    past(
        46,
        "Bodies, forms and headers had no limit.",
        &[
            "security::falling_over::bodies_are_bounded_whatever_they_say_of_themselves",
            "security::falling_over::depth_and_cost_are_refused_before_anything_runs",
            "graphql_http::a_body_that_is_no_request_is_refused",
        ],
        "",
    ),
    past(
        47,
        "Headers cost the square of their length.",
        &["security::falling_over::long_headers_cost_no_more_than_their_length"],
        "Ranges are not served.",
    ),
    past(
        48,
        "HTTP/2 floods.",
        &["security::falling_over::http_2_is_not_spoken"],
        "HTTP/2 is left to the proxy in front.",
    ),
    past(
        49,
        "Requests were smuggled between a proxy and the server.",
        &["security::falling_over::no_request_hides_in_another"],
        "Shown of the server alone. What a proxy in front makes of such requests is the proxy's.",
    ),
    past(
        50,
        "Dates, handshakes and short rows were read without bounds.",
        &[
            "security::parsers::values_of_any_form_are_read_or_refused",
            "security::parsers::calendars_of_any_form_are_read_or_refused",
            "security::doubling::libraries_are_newer_than_their_known_faults",
        ],
        "",
    ),
    past(
        51,
        "Odd names crashed the process.",
        &[
            "security::falling_over::a_panic_costs_its_own_request_alone",
            "security::injection::payloads_are_words_and_nothing_else",
        ],
        "",
    ),
    past(
        52,
        "Pages had no largest size, and offsets no end.",
        &[
            "security::falling_over::no_page_is_larger_or_deeper_than_allowed",
            "rest::a_cursor_goes_with_one_sort_and_filter",
        ],
        "",
    ),
    past(
        53,
        "A search term stood in a statement; operators came in as JSON.",
        &["security::injection::payloads_are_words_and_nothing_else"],
        "",
    ),
    past(
        54,
        "Stored addresses led the server into its own network.",
        &[
            "security::injection::no_spelling_of_an_inside_address_is_taken",
            "security::injection::an_inside_address_is_never_asked_however_it_came_to_be_kept",
            "webhooks::no_request_goes_into_a_network_that_is_not_allowed",
            "security::parsers::values_of_any_form_are_read_or_refused",
        ],
        "",
    ),
    past(
        55,
        "Cells of exports were run as formulas.",
        &[
            "tabular::a_cell_that_would_be_a_formula_is_text_and_comes_back",
            "security::output::a_package_of_the_map_holds_no_formula",
            "security::parsers::tables_of_any_form_are_read_or_refused",
        ],
        "",
    ),
    past(
        56,
        "Names and texts were run as scripts.",
        &[
            "security::output::no_text_of_a_record_is_ever_a_page",
            "security::output::no_text_is_run_in_a_browser",
            "security::output::a_page_shows_what_it_was_sent_as_text",
        ],
        "No page shows a record. Front ends have to escape what they show.",
    ),
    past(
        57,
        "Pages of documentation ran texts of the schema; sockets were opened from other sites; forms changed things.",
        &[
            "security::output::no_description_of_the_schema_holds_markup",
            "security::output::a_socket_is_opened_from_known_origins_alone",
            "security::output::nothing_is_changed_by_a_form_or_a_link",
            "graphql_http::reading_by_get_works_and_changing_by_get_does_not",
        ],
        "",
    ),
    past(
        58,
        "Names led out of their folder.",
        &[
            "security::injection::no_name_leads_out_of_its_folder",
            "security::parsers::files_of_others_are_read_or_refused",
        ],
        "Nothing is written by a name that was sent: packages are read in memory.",
    ),
    past(
        59,
        "Line ends in names made headers, mails and lines of logs.",
        &[
            "security::output::line_ends_in_names_make_no_line_of_their_own",
            "mail::no_name_or_title_makes_a_header_of_its_own",
            "security::signing_in::no_secret_is_logged_even_when_everything_is",
        ],
        "",
    ),
    past(
        60,
        "An endorsement was given twice by parallel requests.",
        &[
            "voices::sixty_four_employers_who_endorse_twice_at_once_share_a_need_once",
            "voices::sixty_four_employers_who_confirm_and_approve_at_once_do_so_once",
            "concurrency::one_point_person_is_live_however_many_are_accepted_at_once",
            "concurrency::of_many_partnerships_with_one_slug_one_is_opened",
        ],
        "",
    ),
    past(
        61,
        "The last write won, unnoticed.",
        &[
            "rest::a_change_needs_the_version_it_was_made_on",
            "concurrency::sixty_four_writers_of_one_record_lose_no_change",
            "concurrency::of_sixty_four_changes_on_one_version_one_is_made",
            "rest::a_merge_patch_changes_what_it_names_empties_by_null_and_leaves_the_rest",
        ],
        "",
    ),
    past(
        62,
        "Imports were half applied, and doubled when they were tried again.",
        &[
            "tabular::an_import_cut_off_anywhere_goes_on_and_doubles_nothing",
            "tabular::what_goes_out_comes_in_again_at_an_empty_table",
            "imports::a_large_directory_is_accounted_for_row_by_row",
        ],
        "",
    ),
    past(
        63,
        "SQLite refused writers at once although it was told to wait.",
        &[
            "security::doubling::sixty_four_writers_meet_no_busy_database",
            "concurrency::sixty_four_writers_of_one_record_lose_no_change",
        ],
        "Writes are queued for one connection, in BEGIN IMMEDIATE.",
    ),
    past(
        64,
        "One bad row made a whole list unreadable.",
        &[
            "security::doubling::a_damaged_row_hides_no_other",
            "security::doubling::a_damaged_webhook_keeps_no_other_from_being_told",
        ],
        "",
    ),
    past(
        65,
        "A graceful stop broke kept connections.",
        &[
            "faults::stop::a_server_told_to_stop_answers_what_is_under_way",
            "security::doubling::libraries_are_newer_than_their_known_faults",
        ],
        "",
    ),
    past(
        66,
        "A client that opened a socket and said nothing was never closed.",
        &["security::falling_over::a_socket_that_says_nothing_is_closed"],
        "",
    ),
];

fn page() -> String {
    let mut page = String::from(
        "# Faults of others\n\nWhat went wrong in systems of this kind, told by their advisories and issues, and the tests that show that it \
         does not here. Written from `tests/it/security/past.rs`, which fails when a fault has neither a test nor a reason; see \
         [threat-model.md](threat-model.md) and [testing.md](testing.md).\n",
    );
    for past in PAST {
        if let Some((_, title)) = TITLES.iter().find(|(first, _)| *first == past.number) {
            writeln!(page, "\n## {title}\n\n| fault | what went wrong elsewhere | here |\n|---|---|---|").unwrap();
        }
        let mut here: Vec<String> = past.cases.iter().map(|case| format!("`{case}`")).collect();
        if !past.because.is_empty() {
            here.push(past.because.into());
        }
        writeln!(page, "| S{} | {} | {} |", past.number, past.went_wrong, here.join("<br>")).unwrap();
    }
    page
}

#[test]
fn every_past_fault_has_a_case_or_a_reason() {
    let all = cases::functions();
    let mut wrong = Vec::new();
    for past in PAST {
        if past.cases.is_empty() && past.because.len() < 20 {
            wrong.push(format!("S{} has neither a case nor a reason", past.number));
        }
        for name in past.cases {
            let is_there = |one: &cases::Function| one.is_case && format!("{}::{}", one.module, one.name) == *name;
            if !all.iter().any(is_there) {
                wrong.push(format!("S{} names {name}, which is no case", past.number));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let numbers: Vec<u16> = PAST.iter().map(|past| past.number).collect();
    assert_eq!(numbers, (1..=ALL).collect::<Vec<u16>>(), "each once, in order");
    assert!(PAST.iter().all(|past| past.went_wrong.ends_with('.') && !past.because.contains('|')));
}

#[test]
fn every_case_of_this_suite_answers_a_past_fault() {
    let named = |name: &str| PAST.iter().any(|past| past.cases.contains(&name));
    let all = cases::functions();
    let ours = all.iter().filter(|one| one.is_case && one.module.starts_with("security::"));
    let ours = ours.filter(|one| one.module != "security::past").map(|one| format!("{}::{}", one.module, one.name));
    let idle: Vec<String> = ours.filter(|name| !named(name)).collect();
    assert!(idle.is_empty(), "{idle:?}");
}

#[test]
fn the_page_of_past_faults_is_the_one_the_table_makes() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/past-faults.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCUMENTS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/past-faults.md is not what the table makes; run the tests with UPDATE_DOCUMENTS=1");
}
