//! Codes of code systems as members of records.

use roundtable_entity::{CodeSystem, Texts, code};
use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use crate::ctx::Ctx;
use crate::error::{Code, Error, Problem, Result};

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

/// Checks codes of a member: their form, and, once the system has been loaded, that they exist and are not
/// retired. The refusal names the nearest code above that is good.
pub async fn check_codes(ctx: &Ctx, member: &str, system: CodeSystem, codes: &Texts) -> Result<()> {
    for (index, code) in codes.0.iter().enumerate() {
        if !has_form(system, code) {
            return Err(Error::member(format!("/{member}/{index}"), "wrong_form", form(system)));
        }
    }
    if codes.0.is_empty() {
        return Ok(());
    }
    let rows = code::Entity::find()
        .filter(code::Column::System.eq(system))
        .filter(code::Column::Code.is_in(codes.0.iter().map(String::as_str)))
        .all(&ctx.read())
        .await?;
    for (index, code) in codes.0.iter().enumerate() {
        let what = match rows.iter().filter(|row| row.code == *code).map(|row| row.retired_at).min() {
            Some(None) => continue,
            Some(Some(at)) => format!("{code} was retired on {}", at.date_naive()),
            None if !loaded(ctx, system, code.len()).await? => continue,
            None => format!("{code} is not in {}", system.word()),
        };
        let nearest = nearest(ctx, system, code).await?;
        let hint = nearest.map_or_else(String::new, |row| format!("; the nearest is {} {}", row.code, row.title));
        let mut error = Error::new(Code::UnknownCode, format!("{what}{hint}"));
        let (pointer, detail) = (format!("/{member}/{index}"), error.detail.clone());
        error.problems.push(Problem { pointer, code: "unknown_code", detail });
        return Err(error);
    }
    Ok(())
}

/// Whether codes of this length have been loaded. Where only the wider groups have, narrower codes go by their form.
async fn loaded(ctx: &Ctx, system: CodeSystem, length: usize) -> Result<bool> {
    let one = code::Entity::find()
        .filter(code::Column::System.eq(system))
        .filter(Expr::cust("length(code)").eq(length as i64))
        .limit(1)
        .one(&ctx.read())
        .await?;
    Ok(one.is_some())
}

async fn nearest(ctx: &Ctx, system: CodeSystem, code: &str) -> Result<Option<code::Model>> {
    let shorter: Vec<&str> = (2..code.len()).rev().filter_map(|length| code.get(..length)).collect();
    let rows = code::Entity::find()
        .filter(code::Column::System.eq(system))
        .filter(code::Column::Code.is_in(shorter))
        .filter(code::Column::RetiredAt.is_null())
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
