//! Code systems: NAICS 2022, SOC 2018, CIP 2020.

use roundtable_entity::{Record, code};
pub use roundtable_kernel::codes::check_codes;
use roundtable_kernel::codes::{form, has_form};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::{Nothing, Operations};
use roundtable_kernel::record::{self, Target};
use sea_orm::ActiveValue::Set;
use sea_orm::IntoActiveModel;

pub(crate) fn register(table: &mut Operations) {
    table
        .collection::<code::Model>("codes")
        .list(Op::ListCodes)
        .get(Op::GetCode)
        .create(Op::CreateCode, create_code)
        .update_plainly(Op::UpdateCode)
        .act(Op::RetireCode, "retire", retire_code);
}

async fn create_code(ctx: Ctx, new: code::NewCode) -> Result<code::Model> {
    ctx.permit(Op::CreateCode)?;
    if !has_form(new.system, &new.code) {
        return Err(Error::member("/code", "wrong_form", form(new.system)));
    }
    let active = code::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<code::Model>(&ctx, active, "code.added").await
}

async fn retire_code(ctx: Ctx, at: Target, _: Nothing) -> Result<code::Model> {
    let row = record::target::<code::Model>(&ctx, Op::RetireCode, at).await?;
    if row.retired_at.is_some() {
        return Err(Error::new(Code::WrongState, "the code is retired already"));
    }
    let mut active = row.clone().into_active_model();
    active.retired_at = Set(Some(ctx.now()));
    record::save(&ctx, &row, active, "code.retired").await
}
