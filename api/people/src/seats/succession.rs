//! One live point person a partner, and who takes over when they go (practices 57 and 58).

use chrono::NaiveDate;
use roundtable_entity::{SeatRole, SeatState, seat};
use roundtable_kernel::error::{Code, Error, Result};
use uuid::Uuid;

/// States in which a seat is held.
pub(super) const HELD: &[SeatState] = &[SeatState::Live, SeatState::Ending];
/// States in which a seat is not over.
pub(super) const OPEN: &[SeatState] = &[SeatState::Proposed, SeatState::Live, SeatState::Ending];

/// What becomes of the point person's place when a seat ends or gets another role.
#[derive(Debug, PartialEq)]
pub(super) enum Succession<'s> {
    /// The seat was not the point person's.
    Unaffected,
    /// This alternate takes over.
    Passes(&'s seat::Model),
    /// Nobody is there to take over.
    Uncovered,
}

/// Who takes over from a seat among those held: the alternate who stays, and of those the one longest in place.
pub(super) fn of<'s>(leaving: &seat::Model, held: &'s [seat::Model]) -> Succession<'s> {
    if leaving.role != SeatRole::PointPerson || !HELD.contains(&leaving.state) {
        return Succession::Unaffected;
    }
    held.iter()
        .filter(|seat| seat.id != leaving.id && seat.role == SeatRole::Alternate)
        .min_by_key(|seat| (seat.state != SeatState::Live, seat.starts_on, seat.id))
        .map_or(Succession::Uncovered, Succession::Passes)
}

/// Refuses when another seat is the point person's.
pub(super) fn vacant(own: Uuid, held: &[seat::Model]) -> Result<()> {
    let taken = held.iter().find(|seat| seat.id != own && seat.role == SeatRole::PointPerson);
    match taken {
        None => Ok(()),
        Some(seat) => Err(Error::new(
            Code::PointPersonExists,
            format!("{} is the point person; end that seat or give it another role first", seat.person_name),
        )),
    }
}

/// Who becomes point person when this seat takes on another role; refuses a second point person and none at all.
pub(super) fn on_role_change<'s>(
    row: &seat::Model,
    role: SeatRole,
    held: &'s [seat::Model],
) -> Result<Option<&'s seat::Model>> {
    if role == row.role || !HELD.contains(&row.state) {
        return Ok(None);
    }
    if role == SeatRole::PointPerson {
        return vacant(row.id, held).map(|()| None);
    }
    match of(row, held) {
        Succession::Unaffected => Ok(None),
        Succession::Passes(next) => Ok(Some(next)),
        Succession::Uncovered => {
            Err(Error::new(Code::LastPointPerson, "no alternate is there to take over; name one first"))
        }
    }
}

/// The state of a held seat: ending when its holder is known to leave.
pub(super) fn state_until(expected_end_on: Option<NaiveDate>, today: NaiveDate) -> SeatState {
    match expected_end_on {
        Some(day) if day >= today => SeatState::Ending,
        _ => SeatState::Live,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use roundtable_entity::FunctionLevel;

    fn seat(id: u128, role: SeatRole, state: SeatState) -> seat::Model {
        let at = chrono::DateTime::UNIX_EPOCH;
        seat::Model {
            id: Uuid::from_u128(id),
            partnership_id: Uuid::nil(),
            partner_id: Uuid::nil(),
            person_id: Uuid::from_u128(id),
            role,
            function_level: FunctionLevel::Other,
            expected_end_on: None,
            appointed_by: None,
            organization_id: Uuid::nil(),
            person_name: format!("Person {id}"),
            state,
            starts_on: None,
            ends_on: None,
            confirmed_on: None,
            version: 1,
            created_at: at,
            updated_at: at,
            archived_at: None,
        }
    }

    use SeatRole::{Alternate, ExecutiveSponsor, PointPerson};
    use SeatState::{Ending, Live, Proposed};

    #[test]
    fn an_alternate_takes_over_from_the_point_person() {
        let leaving = seat(1, PointPerson, Live);
        let held = [leaving.clone(), seat(2, ExecutiveSponsor, Live), seat(3, Alternate, Live)];
        assert_eq!(of(&leaving, &held), Succession::Passes(&held[2]));
        assert_eq!(of(&held[2], &held), Succession::Unaffected);
    }

    #[test]
    fn an_alternate_who_stays_goes_before_one_who_leaves() {
        let leaving = seat(1, PointPerson, Ending);
        let held = [leaving.clone(), seat(2, Alternate, Ending), seat(3, Alternate, Live)];
        assert_eq!(of(&leaving, &held), Succession::Passes(&held[2]));
        assert_eq!(of(&leaving, &held[..2]), Succession::Passes(&held[1]));
    }

    #[test]
    fn without_an_alternate_the_partner_is_uncovered() {
        let leaving = seat(1, PointPerson, Live);
        assert_eq!(of(&leaving, std::slice::from_ref(&leaving)), Succession::Uncovered);
        assert_eq!(of(&seat(2, PointPerson, Proposed), &[]), Succession::Unaffected);
    }

    #[test]
    fn there_is_one_point_person() {
        let held = [seat(1, PointPerson, Live), seat(2, Alternate, Live)];
        assert!(vacant(held[0].id, &held).is_ok());
        let refused = vacant(held[1].id, &held).map_err(|error| error.code);
        assert_eq!(refused, Err(Code::PointPersonExists));
        let second = on_role_change(&held[1], PointPerson, &held).map_err(|error| error.code);
        assert_eq!(second, Err(Code::PointPersonExists));
    }

    #[test]
    fn a_point_person_may_step_back_when_an_alternate_is_there() {
        let held = [seat(1, PointPerson, Live), seat(2, Alternate, Live)];
        let next = on_role_change(&held[0], Alternate, &held).map_err(|error| error.code);
        assert_eq!(next, Ok(Some(&held[1])));
        let nobody = on_role_change(&held[0], Alternate, &held[..1]).map_err(|error| error.code);
        assert_eq!(nobody, Err(Code::LastPointPerson));
        let proposed = seat(3, PointPerson, Proposed);
        let free = on_role_change(&proposed, Alternate, &held).map_err(|error| error.code);
        assert_eq!(free, Ok(None));
    }

    #[test]
    fn a_seat_is_ending_while_its_end_is_ahead() {
        let day = |day| NaiveDate::from_ymd_opt(2026, 5, day);
        let today = day(10).unwrap_or_default();
        assert_eq!(state_until(None, today), Live);
        assert_eq!(state_until(day(9), today), Live);
        assert_eq!(state_until(day(10), today), Ending);
        assert_eq!(state_until(day(20), today), Ending);
    }
}
