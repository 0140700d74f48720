//! The needs of solutions and second looks as links, so that they are found from the need by an index.

use roundtable_entity::{second_look_need, solution_need};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::Result;
use sea_orm::ActiveValue::Set;
use sea_orm::sea_query::{Query, SelectStatement};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use uuid::Uuid;

/// Links a solution to these needs and no others.
pub(crate) async fn of_solution(ctx: &Ctx, solution_id: Uuid, needs: &[Uuid]) -> Result<()> {
    let old = solution_need::Entity::delete_many().filter(solution_need::Column::SolutionId.eq(solution_id));
    old.exec(&ctx.read()).await?;
    let link = |need_id: &Uuid| solution_need::ActiveModel { solution_id: Set(solution_id), need_id: Set(*need_id) };
    if !needs.is_empty() {
        solution_need::Entity::insert_many(needs.iter().map(link)).exec_without_returning(&ctx.read()).await?;
    }
    Ok(())
}

/// Links a second look to these needs and no others.
pub(crate) async fn of_second_look(ctx: &Ctx, second_look_id: Uuid, needs: &[Uuid]) -> Result<()> {
    let old = second_look_need::Entity::delete_many().filter(second_look_need::Column::SecondLookId.eq(second_look_id));
    old.exec(&ctx.read()).await?;
    let link =
        |need_id: &Uuid| second_look_need::ActiveModel { second_look_id: Set(second_look_id), need_id: Set(*need_id) };
    if !needs.is_empty() {
        second_look_need::Entity::insert_many(needs.iter().map(link)).exec_without_returning(&ctx.read()).await?;
    }
    Ok(())
}

/// Solutions for a need.
pub(crate) fn solutions(need_id: Uuid) -> SelectStatement {
    Query::select()
        .column(solution_need::Column::SolutionId)
        .from(solution_need::Entity)
        .and_where(solution_need::Column::NeedId.eq(need_id))
        .to_owned()
}

/// Second looks held against a need.
pub(crate) fn second_looks(need_id: Uuid) -> SelectStatement {
    Query::select()
        .column(second_look_need::Column::SecondLookId)
        .from(second_look_need::Entity)
        .and_where(second_look_need::Column::NeedId.eq(need_id))
        .to_owned()
}
