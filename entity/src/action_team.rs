//! Action teams.

use crate::{ActionTeamState, Texts};

crate::record! {
    /// A team that works towards a goal, led by an organisation that took it on (practices 6, 7 and 61). Its lead may change,
    /// start and report the steps of the plan that name the team, whatever side it is of.
    ActionTeam, NewActionTeam in "action_team" {
        given {
            /// The partnership.
            partnership_id: uuid::Uuid [filter],
        }
        edited {
            /// What it is called.
            #[schema(min_length = 1, max_length = 300)]
            name: String [search],
            /// What it is for.
            #[schema(min_length = 1, max_length = 4000)]
            purpose: String [search],
            /// The goal it works towards.
            goal_id: uuid::Uuid [filter],
            /// The organisation that leads it. Another may be named until it is taken on.
            lead_organization_id: uuid::Uuid [filter],
            /// The seat of that organisation that leads it.
            lead_seat_id: Option<uuid::Uuid> [filter],
        }
        kept {
            /// Stage.
            state: ActionTeamState [filter] = ActionTeamState::Proposed,
            /// Organisations that joined it, besides its lead.
            #[schema(value_type = Vec<uuid::Uuid>)]
            member_organization_ids: Texts = Texts::default(),
            /// The day its lead took it on.
            accepted_on: Option<chrono::NaiveDate> = None,
            /// The day it ended.
            ended_on: Option<chrono::NaiveDate> [range] = None,
            /// Why it was declined or ended.
            reason: Option<String> = None,
        }
        hidden {}
    }
}
