//! Meetings as messages to one of those asked (RFC 5546).

use roundtable_entity::{attendance, meeting};
use roundtable_kernel::error::Result;

use crate::events::{self, Organizer};
use crate::lines::Writer;

/// Who the message is to.
#[derive(Clone, Copy, Debug)]
pub struct Guest<'a> {
    /// How they were asked.
    pub attendance: &'a attendance::Model,
    /// Name.
    pub name: &'a str,
    /// Address.
    pub email: &'a str,
}

/// The message. It names nobody else who was asked.
pub fn write(meeting: &meeting::Model, table: &str, from: &str, guest: Guest<'_>, method: &str) -> Result<String> {
    let mut writer = Writer::default();
    events::head(&mut writer, Some(method));
    events::zone_of(&mut writer, meeting)?;
    let organizer = Organizer { name: table.to_owned(), address: format!("mailto:{from}") };
    let attendees = [events::attendee(guest.attendance, guest.name, format!("mailto:{}", guest.email))];
    let called_off = method == "CANCEL";
    events::event(&mut writer, meeting, &organizer, &attendees, None, called_off)?;
    writer.end("VCALENDAR");
    Ok(writer.finish())
}
