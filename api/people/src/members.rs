//! Rules on members that several records share.

use chrono::NaiveDate;
use roundtable_entity::Texts;
use roundtable_kernel::ctx::Ctx;
use roundtable_kernel::error::{Error, Problem, Result};
use roundtable_kernel::op::Op;
use roundtable_kernel::record::{self, Target};
use roundtable_kernel::scope::Scoped;
use serde_json::Value;
use uuid::Uuid;

/// Refuses when there are problems, naming all of them.
pub(crate) fn refuse(problems: impl IntoIterator<Item = Problem>) -> Result<()> {
    let problems: Vec<Problem> = problems.into_iter().collect();
    if problems.is_empty() { Ok(()) } else { Err(Error::members(problems)) }
}

pub(crate) fn problem(pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) -> Problem {
    Problem { pointer: pointer.into(), code, detail: detail.into() }
}

/// A name has to have something to sort and match by.
pub(crate) fn name(name: &str) -> Option<Problem> {
    roundtable_entity::name_key(name)
        .is_empty()
        .then(|| problem("/name", "blank", "a name has at least one letter or digit"))
}

/// An e-mail address has one `@`, something before it and a host with a dot after it.
pub(crate) fn email(address: Option<&str>) -> Option<Problem> {
    let wrong = |address: &&str| {
        let host = address.split_once('@').filter(|(user, _)| !user.is_empty());
        let host = host.map_or("", |(_, host)| host);
        let labels = host.split('.').all(|label| !label.is_empty());
        !host.contains('.') || !labels || address.matches('@').count() != 1 || address.contains(char::is_whitespace)
    };
    address.filter(wrong).map(|_| problem("/email", "wrong_form", "an e-mail address looks like name@example.org"))
}

/// NAICS codes have two to six digits.
pub(crate) fn naics(codes: &Texts) -> Vec<Problem> {
    let right = |code: &str| (2..=6).contains(&code.len()) && code.bytes().all(|digit| digit.is_ascii_digit());
    let wrong = codes.0.iter().enumerate().filter(|(_, code)| !right(code));
    wrong.map(|(at, _)| problem(format!("/naics/{at}"), "wrong_form", "a NAICS code has two to six digits")).collect()
}

/// A later day does not come before an earlier one.
pub(crate) fn in_order(earlier: Option<NaiveDate>, pointer: &str, later: Option<NaiveDate>) -> Option<Problem> {
    match (earlier, later) {
        (Some(earlier), Some(later)) if later < earlier => {
            Some(problem(pointer, "out_of_order", format!("not before {earlier}")))
        }
        _ => None,
    }
}

/// What is told as done has happened.
pub(crate) fn not_future(pointer: &str, day: NaiveDate, today: NaiveDate) -> Option<Problem> {
    (day > today).then(|| problem(pointer, "in_the_future", format!("not after today, {today}")))
}

/// A live record of the same partnership that a member of the body points to.
pub(crate) async fn reference<R: Scoped>(ctx: &Ctx, pointer: &str, id: Uuid, partnership_id: Uuid) -> Result<R> {
    let row = record::reference::<R>(ctx, pointer, id).await?;
    if row.partnership_id() == partnership_id {
        Ok(row)
    } else {
        Err(Error::member(pointer, "not_found", "there is no such record at this partnership"))
    }
}

/// A record that is to change, and what a merge patch makes of it.
pub(crate) async fn proposed<R: Scoped>(ctx: &Ctx, op: Op, at: Target, patch: &Value) -> Result<(R, R::New)> {
    record::check_patch::<R>(patch)?;
    let row = record::target::<R>(ctx, op, at).await?;
    let new = record::merged(&row, patch)?;
    Ok((row, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_email_address_needs_a_user_and_a_host() {
        assert!(email(None).is_none());
        for right in ["a@b.org", "first.last+tag@mail.example.co.uk"] {
            assert!(email(Some(right)).is_none(), "{right}");
        }
        for wrong in ["", "a", "@b.org", "a@", "a@b", "a@b..org", "a@.org", "a b@c.org", "a@b@c.org", "a@b.org."] {
            assert!(email(Some(wrong)).is_some(), "{wrong}");
        }
    }

    #[test]
    fn naics_codes_have_two_to_six_digits() {
        let codes = |codes: &[&str]| Texts(codes.iter().map(|code| (*code).to_owned()).collect());
        assert!(naics(&codes(&["31", "332710"])).is_empty());
        let wrong = naics(&codes(&["31", "3", "3327101", "33a", "31-33"]));
        let pointers: Vec<&str> = wrong.iter().map(|problem| problem.pointer.as_str()).collect();
        assert_eq!(pointers, ["/naics/1", "/naics/2", "/naics/3", "/naics/4"]);
    }

    #[test]
    fn days_are_in_order_when_both_are_known() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 5, day);
        assert!(in_order(day(1), "/endsOn", day(1)).is_none());
        assert!(in_order(day(2), "/endsOn", day(1)).is_some());
        assert!(in_order(None, "/endsOn", day(1)).is_none());
    }

    #[test]
    fn a_name_of_signs_alone_is_blank() {
        assert!(name(" -- ").is_some());
        assert!(name("3M").is_none());
    }
}
