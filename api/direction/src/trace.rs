//! What hangs on a need, forward and backward, as a graph (practice 29). Twelve statements at the most, however much hangs
//! on it, each cut to what the reader may know of.

use std::collections::HashSet;

use roundtable_entity::{
    PlanVersionState, action_team, cause, employer_statement, goal, input, need, offer, plan_step, plan_version,
    second_look, solution,
};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::scope::Scoped;
use roundtable_kernel::{record, seal};
use sea_orm::{ColumnTrait, Condition};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::links;
use crate::members::{self, rows};

/// Which need.
#[derive(Clone, Debug, Deserialize, ToSchema)]
pub(crate) struct TraceQuestion {
    #[schema(ignore)]
    id: Uuid,
}

/// What hangs on a need.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NeedTrace {
    /// The need.
    need_id: Uuid,
    /// The need and every record that hangs on it, as far as you may know of them.
    nodes: Vec<TraceNode>,
    /// What leads to what, from statements to steps and goals.
    links: Vec<TraceLink>,
}

/// A record of a trace.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TraceNode {
    /// Its id.
    id: Uuid,
    /// What it is, such as `Cause`.
    kind: String,
    /// What it says, in a line.
    label: String,
    /// Its stage.
    state: String,
}

/// A link of a trace.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct TraceLink {
    /// From this record.
    from: Uuid,
    /// To this one.
    to: Uuid,
    /// How, such as `feeds` or `causes`.
    relation: String,
}

pub(crate) fn register(table: &mut Operations) {
    table.report::<TraceQuestion, NeedTrace, _, _>(Op::GetNeedTrace, "needs", "needs/{id}/trace", trace);
}

#[derive(Default)]
struct Graph {
    nodes: Vec<TraceNode>,
    links: Vec<TraceLink>,
}

impl Graph {
    fn node<R: Scoped>(&mut self, row: &R, label: &str, state: &str) {
        let label = label.chars().take(200).collect();
        self.nodes.push(TraceNode { id: row.id(), kind: R::NAME.into(), label, state: state.into() });
    }

    fn link(&mut self, from: Uuid, to: Uuid, relation: &str) {
        self.links.push(TraceLink { from, to, relation: relation.into() });
    }

    /// Leaves out links to what the reader may not know of.
    fn closed(mut self, need_id: Uuid) -> NeedTrace {
        let known: HashSet<Uuid> = self.nodes.iter().map(|node| node.id).collect();
        self.links.retain(|link| known.contains(&link.from) && known.contains(&link.to));
        NeedTrace { need_id, nodes: self.nodes, links: self.links }
    }
}

async fn trace(ctx: Ctx, question: TraceQuestion) -> Result<NeedTrace> {
    let need = record::get::<need::Model>(&ctx, Op::GetNeedTrace, question.id).await?;
    let mut graph = Graph::default();
    graph.node(&need, &need.title, need.state.word());
    backward(&ctx, &need, &mut graph).await?;
    let solutions = around(&ctx, &need, &mut graph).await?;
    forward(&ctx, &solutions, &mut graph).await?;
    Ok(graph.closed(need.id))
}

/// What the need rests on: statements and inputs.
async fn backward(ctx: &Ctx, need: &need::Model, graph: &mut Graph) -> Result<()> {
    let said = members::ids("/sourceStatementIds", &need.source_statement_ids)?;
    let said = employer_statement::Column::Id.is_in(said);
    for row in rows::<employer_statement::Model>(ctx, Condition::all().add(said)).await? {
        graph.node(&row, &row.text, row.confirmation.word());
        graph.link(row.id, need.id, "feeds");
    }
    for row in rows::<input::Model>(ctx, Condition::all().add(input::Column::NeedId.eq(need.id))).await? {
        graph.node(&row, row.subject.as_deref().unwrap_or(&row.text), row.state.word());
        graph.link(row.id, need.id, "concerns");
    }
    Ok(())
}

/// What is known and done about it: causes, offers, second looks, solutions.
async fn around(ctx: &Ctx, need: &need::Model, graph: &mut Graph) -> Result<Vec<solution::Model>> {
    let causes = rows::<cause::Model>(ctx, Condition::all().add(cause::Column::NeedId.eq(need.id))).await?;
    for row in &causes {
        graph.node(row, &row.text, row.state.word());
        graph.link(row.id, row.parent_id.unwrap_or(need.id), "causes");
    }
    let offered = Condition::any()
        .add(offer::Column::NeedId.eq(need.id))
        .add(offer::Column::CauseId.is_in(causes.iter().map(|cause| cause.id)));
    for row in rows::<offer::Model>(ctx, offered).await? {
        graph.node(&row, &row.text, row.state.word());
        graph.link(row.id, row.cause_id.unwrap_or(need.id), "offered_against");
    }
    let solved = solution::Column::Id.in_subquery(links::solutions(need.id));
    let solutions = rows::<solution::Model>(ctx, Condition::all().add(solved)).await?;
    let cited: Vec<&str> = solutions.iter().flat_map(|row| row.second_look_ids.0.iter().map(String::as_str)).collect();
    let cited = cited.into_iter().filter_map(|id| Uuid::parse_str(id).ok());
    let looked = Condition::any()
        .add(second_look::Column::Id.in_subquery(links::second_looks(need.id)))
        .add(second_look::Column::Id.is_in(cited));
    for row in rows::<second_look::Model>(ctx, looked).await? {
        graph.node(&row, &row.subject, row.state.word());
        graph.link(row.id, need.id, "held_against");
        if let Some(input_id) = row.input_id {
            graph.link(input_id, row.id, "opened");
        }
    }
    for row in &solutions {
        graph.node(row, &row.title, row.state.word());
        graph.link(need.id, row.id, "solved_by");
        for (ids, relation) in [(&row.cause_ids, "answered_by"), (&row.second_look_ids, "built_on_by")] {
            for id in ids.0.iter().filter_map(|id| Uuid::parse_str(id).ok()) {
                graph.link(id, row.id, relation);
            }
        }
    }
    Ok(solutions)
}

/// What carries it out: steps and the goals they serve.
async fn forward(ctx: &Ctx, solutions: &[solution::Model], graph: &mut Graph) -> Result<()> {
    let carried_out = plan_step::Column::SolutionId.is_in(solutions.iter().map(|row| row.id));
    let steps = rows::<plan_step::Model>(ctx, Condition::all().add(carried_out)).await?;
    let served = goal::Column::Id.is_in(steps.iter().map(|row| row.goal_id));
    for row in &steps {
        graph.node(row, &row.title, row.state.word());
        if let Some(solution_id) = row.solution_id {
            graph.link(solution_id, row.id, "carried_out_by");
        }
        graph.link(row.id, row.goal_id, "serves");
        if let Some(team_id) = row.action_team_id {
            graph.link(team_id, row.id, "works_on");
        }
    }
    let teams = action_team::Column::Id.is_in(steps.iter().filter_map(|row| row.action_team_id));
    for row in rows::<action_team::Model>(ctx, Condition::all().add(teams)).await? {
        graph.node(&row, &row.name, row.state.word());
    }
    let in_force = plan_version::Column::State.eq(PlanVersionState::InForce);
    for mut row in rows::<plan_version::Model>(ctx, Condition::all().add(in_force)).await? {
        seal::show(ctx, ctx.standing()?, std::slice::from_mut(&mut row)).await?;
        held(graph, &row, &steps);
    }
    for row in rows::<goal::Model>(ctx, Condition::all().add(served)).await? {
        graph.node(&row, &row.statement, row.state.word());
    }
    Ok(())
}

/// The plan in force, where it holds a step of the trace or rests on a record of it.
fn held(graph: &mut Graph, plan: &plan_version::Model, steps: &[plan_step::Model]) {
    let bases = [&plan.basis_input_ids, &plan.basis_second_look_ids, &plan.basis_statement_ids, &plan.basis_need_ids];
    let based: Vec<Uuid> = bases.iter().flat_map(|ids| &ids.0).filter_map(|id| Uuid::parse_str(id).ok()).collect();
    let holds: Vec<Uuid> = plan.steps.0.iter().map(|step| step.id).collect();
    let holds: Vec<Uuid> = steps.iter().map(|step| step.id).filter(|id| holds.contains(id)).collect();
    let is_known = |id: &Uuid| graph.nodes.iter().any(|node| node.id == *id);
    let based: Vec<Uuid> = based.into_iter().filter(is_known).collect();
    if holds.is_empty() && based.is_empty() {
        return;
    }
    graph.node(plan, &plan.summary, plan.state.word());
    based.into_iter().for_each(|id| graph.link(id, plan.id, "cited_by"));
    holds.into_iter().for_each(|id| graph.link(id, plan.id, "held_by"));
}
