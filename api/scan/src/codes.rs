//! Code systems: NAICS 2022, SOC 2018, CIP 2020.

use roundtable_entity::{CodeSystem, Record, Texts, code};
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Code, Error, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::operation::Operations;
use roundtable_kernel::record;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

pub(crate) fn register(table: &mut Operations) {
    table.collection::<code::Model>("codes").list(Op::ListCodes).get(Op::GetCode).create(Op::CreateCode, create_code);
}

async fn create_code(ctx: Ctx, new: code::NewCode) -> Result<code::Model> {
    ctx.permit(Op::CreateCode)?;
    if !has_form(new.system, &new.code) {
        return Err(Error::member("/code", "wrong_form", form(new.system)));
    }
    let active = code::Model::begin(ctx.new_id(), ctx.now(), new);
    record::insert::<code::Model>(&ctx, active, "code.added").await
}

/// The form of a system's codes, in words.
pub fn form(system: CodeSystem) -> &'static str {
    match system {
        CodeSystem::Naics => "a NAICS code has two to six digits",
        CodeSystem::Soc => "a SOC code has the form NN-NNNN",
        CodeSystem::Cip => "a CIP code has the form NN.NNNN",
    }
}

/// Whether a code has its system's form. Wider groups (`51`, `51.38`) are codes too.
pub fn has_form(system: CodeSystem, code: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match system {
        CodeSystem::Naics => (2..=6).contains(&code.len()) && digits(code),
        CodeSystem::Soc => code
            .split_once('-')
            .is_some_and(|(major, detail)| major.len() == 2 && detail.len() == 4 && digits(major) && digits(detail)),
        CodeSystem::Cip => match code.split_once('.') {
            Some((family, detail)) => {
                family.len() == 2 && matches!(detail.len(), 2 | 4) && digits(family) && digits(detail)
            }
            None => code.len() == 2 && digits(code),
        },
    }
}

/// Checks codes of a member: their form, and, once the system has been loaded, that they exist. The refusal names the
/// nearest code above that does.
pub async fn check_codes(ctx: &Ctx, member: &str, system: CodeSystem, codes: &Texts) -> Result<()> {
    for (index, code) in codes.0.iter().enumerate() {
        if !has_form(system, code) {
            return Err(Error::member(format!("/{member}/{index}"), "wrong_form", form(system)));
        }
    }
    if codes.0.is_empty() || !loaded(ctx, system).await? {
        return Ok(());
    }
    let rows = code::Entity::find()
        .filter(code::Column::System.eq(system))
        .filter(code::Column::Code.is_in(codes.0.iter().map(String::as_str)))
        .all(&ctx.read())
        .await?;
    for code in &codes.0 {
        if !rows.iter().any(|row| row.code == *code) {
            let nearest = nearest(ctx, system, code).await?;
            let hint = nearest.map_or_else(String::new, |row| format!("; the nearest is {} {}", row.code, row.title));
            return Err(Error::new(Code::UnknownCode, format!("{code} is not in {}{hint}", system.word())));
        }
    }
    Ok(())
}

async fn loaded(ctx: &Ctx, system: CodeSystem) -> Result<bool> {
    let one = code::Entity::find().filter(code::Column::System.eq(system)).limit(1).one(&ctx.read()).await?;
    Ok(one.is_some())
}

async fn nearest(ctx: &Ctx, system: CodeSystem, code: &str) -> Result<Option<code::Model>> {
    let shorter: Vec<&str> = (2..code.len()).rev().filter_map(|length| code.get(..length)).collect();
    let rows = code::Entity::find()
        .filter(code::Column::System.eq(system))
        .filter(code::Column::Code.is_in(shorter))
        .order_by_desc(code::Column::Code)
        .all(&ctx.read())
        .await?;
    Ok(rows.into_iter().max_by_key(|row| row.code.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_form_of_their_system() {
        for (system, code, right) in [
            (CodeSystem::Naics, "311", true),
            (CodeSystem::Naics, "3115a", false),
            (CodeSystem::Naics, "1", false),
            (CodeSystem::Soc, "51-4041", true),
            (CodeSystem::Soc, "514041", false),
            (CodeSystem::Cip, "48.0501", true),
            (CodeSystem::Cip, "48.05", true),
            (CodeSystem::Cip, "480501", false),
        ] {
            assert_eq!(has_form(system, code), right, "{code}");
        }
    }
}
