//! Direction: what employers say, the needs they share, the causes beneath, and what is done about them. The
//! intermediary facilitates all of it and sets the course of none of it.

use roundtable_kernel::operation::Operations;

mod action_teams;
mod adoption;
mod cause_confirmations;
mod causes;
mod composition;
mod conversions;
mod course;
mod endorsements;
mod feasibility_ratings;
mod fit_scores;
mod goals;
mod inputs;
mod links;
mod members;
mod needs;
mod offers;
mod plan_diff;
mod plan_steps;
mod plan_versions;
mod score;
mod second_looks;
mod solutions;
mod statements;
mod topic_consents;
mod topics;
mod trace;
mod work_queue;

/// Adds this area's operations to the table.
pub fn register(table: &mut Operations) {
    statements::register(table);
    needs::register(table);
    endorsements::register(table);
    feasibility_ratings::register(table);
    causes::register(table);
    cause_confirmations::register(table);
    inputs::register(table);
    second_looks::register(table);
    offers::register(table);
    solutions::register(table);
    fit_scores::register(table);
    adoption::register(table);
    goals::register(table);
    plan_steps::register(table);
    plan_versions::register(table);
    plan_diff::register(table);
    action_teams::register(table);
    score::register(table);
    composition::register(table);
    work_queue::register(table);
    trace::register(table);
    topics::register(table);
    topic_consents::register(table);
    for kind in ["partner.withdrawn", "partner.dormant", "partner.reactivated"] {
        table.after(kind, course::voices_changed);
        table.after(kind, plan_versions::voices_changed);
    }
}
