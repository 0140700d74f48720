//! What practitioners ask of a partnership, the operations that carry it, and the cases that show that they do. The page
//! `docs/practices.md` is written from this table and from the cases: a case says over its name which practices it
//! exercises, as in `/// Practices 8 and 24.`, and has to use an operation of each.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use roundtable_kernel::graphql::field_name;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Kind, Operations};

use crate::harness::cases::{self, Function};

/// Something practitioners ask for.
struct Practice {
    number: u16,
    says: &'static str,
    /// What carries it.
    ops: &'static [Op],
}

const fn practice(number: u16, says: &'static str, ops: &'static [Op]) -> Practice {
    Practice { number, says, ops }
}

const PRACTICES: &[Practice] = &[
    practice(
        1,
        "A partnership lives on direction, connection, momentum and energy. Direction is computed, with what pulls it down; \
         the other three come later.",
        &[Op::GetDirection],
    ),
    practice(
        2,
        "A partnership without a goal, or with actions tied to none, is seen to lack direction.",
        &[Op::GetDirection, Op::ListActionItems, Op::ListPlanSteps, Op::ListActionTeams, Op::ListSolutions],
    ),
    practice(
        3,
        "Every solution fits a need that the industry really has.",
        &[Op::CreateFitScore, Op::UpdateFitScore, Op::ListFitScores],
    ),
    practice(
        4,
        "The intermediary facilitates and does not set the course, through any door or account.",
        &[
            Op::CreateEndorsement,
            Op::VoiceNeed,
            Op::CreateCauseConfirmation,
            Op::CreateSolutionApproval,
            Op::CreatePlanApproval,
            Op::OfferHours,
            Op::RenewSecret,
        ],
    ),
    practice(
        5,
        "The intermediary mobilises partners: it reaches out and invites.",
        &[Op::CreateOutreachTouch, Op::CreatePartner, Op::InvitePartner, Op::CreateInvitation],
    ),
    practice(
        6,
        "The intermediary provides a forum: it calls meetings and receives what partners bring.",
        &[Op::CreateMeeting, Op::ScheduleMeeting, Op::CreateInput, Op::AnswerInput],
    ),
    practice(
        7,
        "Steps of the plan serve longer-term goals.",
        &[Op::CreateGoal, Op::UpdateGoal, Op::AgreeGoal, Op::RetireGoal, Op::CreatePlanStep, Op::CreateActionTeam],
    ),
    practice(
        8,
        "Employers chart the course, with one voice for each organisation.",
        &[
            Op::VoiceNeed,
            Op::UpdateNeed,
            Op::ParkNeed,
            Op::ResumeNeed,
            Op::ListNeeds,
            Op::CreateEndorsement,
            Op::CreateFeasibilityRating,
            Op::CreateSolutionApproval,
            Op::RejectSolution,
            Op::AgreeGoal,
            Op::CreatePlanApproval,
            Op::WithdrawPlanApproval,
        ],
    ),
    practice(
        9,
        "A need is shared once enough employers endorse it, and no longer when they withdraw.",
        &[Op::CreateEndorsement, Op::WithdrawEndorsement, Op::CreateSolutionApproval],
    ),
    practice(
        10,
        "Public and other partners take part; who rests is seen to rest.",
        &[Op::RestPartner, Op::ReactivatePartner, Op::RecordAttendance, Op::ApproveMinutes],
    ),
    practice(
        11,
        "Partners listen to what employers say, in words their employer stands by.",
        &[
            Op::CreateEmployerStatement,
            Op::ConfirmEmployerStatement,
            Op::CorrectEmployerStatement,
            Op::RejectEmployerStatement,
            Op::HearEmployerStatement,
        ],
    ),
    practice(
        12,
        "Partners offer what their systems can do against a need or a cause.",
        &[Op::CreateOffer, Op::UpdateOffer, Op::ExploreOffer, Op::WithdrawOffer],
    ),
    practice(
        13,
        "Employers and others design solutions together, and steps are led by whoever took them on.",
        &[Op::CreateSolution, Op::TakeOnSolution, Op::DesignSolution, Op::AcceptPlanStep, Op::StartPlanStep],
    ),
    practice(14, "The sides at the table are counted, and the gaps among them are named.", &[Op::GetComposition]),
    practice(
        15,
        "Inputs, ideas, questions and doubts are answered by a day; a doubt may be raised masked.",
        &[Op::CreateInput, Op::AcknowledgeInput, Op::AnswerInput, Op::ParkInput, Op::ReopenInput, Op::ArchiveInput],
    ),
    practice(
        16,
        "The claim that something was tried before opens a second look.",
        &[Op::CreateInput, Op::CreateSecondLook],
    ),
    practice(
        17,
        "A second look asks why it did not work, and concludes with every question answered.",
        &[Op::UpdateSecondLook, Op::ConcludeSecondLook],
    ),
    practice(
        18,
        "A curriculum on the shelf is on the map, with when it was made and why it lies there.",
        &[Op::CreateResource, Op::UpdateResource],
    ),
    practice(
        19,
        "A second look can find that the solution was the wrong one.",
        &[Op::ConcludeSecondLook, Op::ReopenSecondLook],
    ),
    practice(
        20,
        "It can find that the problem was never identified, without blame, and the owner has a right of reply.",
        &[Op::ReplySecondLook, Op::ConcludeSecondLook],
    ),
    practice(
        21,
        "The claim that something is done already drafts an entry of the map for its owner, and opens a second look.",
        &[Op::CreateInput],
    ),
    practice(
        22,
        "The claim that another does it already waits for that organisation's word before it is listed.",
        &[Op::CreateInput, Op::ConfirmResource, Op::PublishResource],
    ),
    practice(
        23,
        "A solution in search of a problem waits for a need that others raised.",
        &[Op::CreateSolution, Op::UpdateSolution, Op::DesignSolution],
    ),
    practice(
        24,
        "Problem, underlying cause, right solution: in this order.",
        &[Op::CreateSolutionApproval, Op::CreateCauseConfirmation, Op::WithdrawCauseConfirmation, Op::StartSolution],
    ),
    practice(
        25,
        "Managing is more than meetings: the intermediary's queue lists what facilitation is owed.",
        &[Op::GetPartnershipWorkQueue],
    ),
    practice(
        26,
        "A tree of causes leads from the surface to the root, each with evidence.",
        &[Op::CreateCause, Op::UpdateCause, Op::TestCause, Op::ArchiveCause],
    ),
    practice(
        27,
        "A root cause is confirmed by employers that endorse the need.",
        &[Op::CreateCauseConfirmation, Op::WithdrawCauseConfirmation, Op::RejectCause],
    ),
    practice(
        28,
        "What runs already is looked at again, by an employer and its owner, before a solution builds on it.",
        &[Op::CreateSecondLook, Op::ReviewSecondLook, Op::ConcludeSecondLook],
    ),
    practice(
        29,
        "From a need one sees what led to it and what came of it, as far as one may know.",
        &[Op::GetNeedTrace],
    ),
    practice(
        30,
        "Other options are held beside a solution, and it is followed until it is delivered.",
        &[Op::CreateSolutionApproval, Op::StartSolution, Op::DeliverSolution],
    ),
    practice(
        41,
        "The plan starts at once and keeps evolving: each version rests on new input, and old ones stay readable.",
        &[
            Op::CreatePlanVersion,
            Op::UpdatePlanVersion,
            Op::ReviewPlanVersion,
            Op::ListPlanVersions,
            Op::GetPlanVersionDiff,
            Op::StartPlanStep,
        ],
    ),
    practice(
        52,
        "Work is taken on by its owner, never assigned.",
        &[
            Op::AcceptPlanStep,
            Op::DeclinePlanStep,
            Op::AcceptActionItem,
            Op::DeclineActionItem,
            Op::AcceptActionTeam,
            Op::DeclineActionTeam,
        ],
    ),
    practice(
        57,
        "Turnover is seen coming: who has no point person, or one who leaves soon, is named.",
        &[Op::GetCoverage, Op::UpdateSeat, Op::ConfirmSeat, Op::EndSeat],
    ),
    practice(
        61,
        "Champions and others lead activities, and leading gives rights on the team's work only.",
        &[Op::CreateActionTeam, Op::AcceptActionTeam, Op::EndActionTeam, Op::UpdatePlanStep],
    ),
    practice(
        79,
        "What belongs in the partnership is agreed by employer and labor, and told to its members.",
        &[Op::CreateTopicConsent, Op::AgreeTopic, Op::CreateTopic],
    ),
    practice(
        80,
        "What is kept for the bargaining table is sealed by joint consent, and opened by the same parties together.",
        &[Op::CreateTopic, Op::CreateTopicConsent, Op::AgreeTopic, Op::ReopenTopic],
    ),
];

/// All practices up to this one are listed.
const WHOLE_UP_TO: u16 = 30;

/// The numbers a comment claims, as in `Practices 4, 8 and 24: …`.
fn claimed(doc: &str) -> Vec<u16> {
    let Some(rest) = doc.strip_prefix("Practices ").or(doc.strip_prefix("Practice ")) else { return Vec::new() };
    let end = rest.find(['.', ':']).unwrap_or(rest.len());
    rest[..end].replace(" and ", ",").split(',').map(|number| number.trim().parse().unwrap()).collect()
}

/// Whether this text calls the operation: by its name, its field, its verb or its address.
fn uses(table: &Operations, text: &str, op: Op) -> bool {
    let operation = table.get(op).unwrap();
    let by_name = |name: &str| {
        let ends = |at: usize| !text[at + name.len()..].starts_with(|next: char| next.is_alphanumeric());
        text.match_indices(name).any(|(at, _)| ends(at))
    };
    let field = field_name(operation);
    if by_name(&format!("Op::{}", op.title())) || text.contains(&format!("{field}(")) {
        return true;
    }
    let address = operation.path.replace("{id}", "{}");
    let quoted = |path: &str| text.contains(&format!("\"{path}\"")) || text.contains(&format!("{path}?"));
    match operation.kind {
        Kind::Create | Kind::Submit => {
            ["make(", "\"POST\"", "everybody_twice("].iter().any(|call| text.contains(call)) && quoted(&address)
        }
        Kind::List => text.contains("get(") && text.contains(&format!("{address}?")),
        Kind::Report => text.contains(&address),
        Kind::Update => text.contains(".patch(") && quoted(&address.replace("/{}", "")),
        Kind::Act => {
            let verb = address.rsplit('/').next().unwrap();
            let beside = format!("\"{}\"", operation.collection);
            let path = format!("\"/v1/{}\"", operation.collection);
            text.contains(&address)
                || (text.contains(&format!("\"{verb}\"")) && (text.contains(&beside) || text.contains(&path)))
        }
        Kind::Get | Kind::Archive | Kind::Upsert => false,
    }
}

/// The cases that claim each practice.
fn tested(all: &[Function]) -> BTreeMap<u16, Vec<&Function>> {
    let mut found: BTreeMap<u16, Vec<&Function>> = BTreeMap::new();
    for case in all.iter().filter(|one| one.is_case) {
        for number in claimed(&case.doc) {
            found.entry(number).or_default().push(case);
        }
    }
    found
}

fn page(table: &Operations, all: &[Function]) -> String {
    let tested = tested(all);
    let mut page = String::from(
        "# Practices\n\nWhat practitioners ask of a sector partnership, the operations that carry it, and the tests that \
         show that they do. Written from `tests/it/practices.rs` and the tests themselves; see [testing.md](testing.md).\n\n\
         | practice | what it asks | operations | tests |\n|---|---|---|---|\n",
    );
    for practice in PRACTICES {
        let ops: Vec<String> =
            practice.ops.iter().map(|op| format!("`{}`", table.get(*op).unwrap().op.name())).collect();
        let cases = tested.get(&practice.number).into_iter().flatten();
        let cases: Vec<String> = cases.map(|case| format!("`{}::{}`", case.module, case.name)).collect();
        let (number, says) = (practice.number, practice.says);
        writeln!(page, "| {number} | {says} | {} | {} |", ops.join(", "), cases.join(", ")).unwrap();
    }
    page
}

#[test]
fn the_page_of_practices_is_the_one_the_cases_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("docs/practices.md");
    let page = page(&roundtable_server::operations(), &cases::functions());
    if std::env::var_os("UPDATE_DOCUMENTS").is_some_and(|value| value == "1") {
        std::fs::write(&path, &page).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == page, "docs/practices.md is not what the cases make; run the tests with UPDATE_DOCUMENTS=1");
}

#[test]
fn every_practice_is_exercised_by_a_case_that_uses_its_operations() {
    let (table, all) = (roundtable_server::operations(), cases::functions());
    let tested = tested(&all);
    let mut wrong = Vec::new();
    for practice in PRACTICES {
        let cases = tested.get(&practice.number).map_or(&[][..], Vec::as_slice);
        if cases.is_empty() {
            wrong.push(format!("no case claims practice {}: {}", practice.number, practice.says));
        }
        for case in cases {
            let text = cases::expanded(&all, case);
            if !practice.ops.iter().any(|op| uses(&table, &text, *op)) {
                wrong
                    .push(format!("{} claims practice {} and uses none of its operations", case.name, practice.number));
            }
        }
    }
    for (number, cases) in &tested {
        if !PRACTICES.iter().any(|practice| practice.number == *number) {
            wrong.push(format!("{} claims practice {number}, which is not in the table", cases[0].name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn practices_are_listed_once_and_in_order() {
    let listed: Vec<u16> = PRACTICES.iter().map(|practice| practice.number).collect();
    assert!(listed.windows(2).all(|two| two[0] < two[1]), "{listed:?}");
    for number in 1..=WHOLE_UP_TO {
        assert_eq!(listed.iter().filter(|one| **one == number).count(), 1, "practice {number}");
    }
    assert!(PRACTICES.iter().all(|practice| !practice.ops.is_empty() && practice.says.ends_with('.')));
}

#[test]
fn every_case_is_named_by_a_sentence() {
    let all = cases::functions();
    let short: Vec<&str> =
        all.iter().filter(|one| one.is_case && one.name.split('_').count() < 4).map(|one| one.name.as_str()).collect();
    assert!(short.is_empty(), "say what holds, as a sentence: {short:?}");
    assert!(all.iter().filter(|one| one.is_case).count() > 100);
}

#[test]
fn a_claim_is_read_from_the_first_words_of_a_comment() {
    assert_eq!(claimed("Practice 8."), [8]);
    assert_eq!(claimed("Practices 4, 8 and 24: whoever comes last."), [4, 8, 24]);
    assert_eq!(claimed("However many speak."), [0u16; 0]);
}
