//! The parts that pages are made of. Read by every crate with pages; each part is a function that gives markup.
//!
//! Promises: keyboard and screen reader work, touch targets are at least 44 px, nothing is told by colour alone, and no
//! inline style (the content policy refuses it). Refuses: words; callers pass them from their texts.

mod draw;
mod fields;
mod show;
mod way;

pub use draw::{Bar, Meter, bars, deadline_meter};
pub use fields::{
    Choice, Field, Picked, checkbox, checkboxes, date, email, error_summary, field, file, number,
    radios, select, textarea,
};
pub use show::{
    Event, Row, Source, Tone, button, button_bad, button_named, button_quiet, card, copy_button,
    details, link_button, link_quiet, notice, pages, print_button, summary_list, table, tag,
    timeline,
};
pub use way::{Fan, Place, Stop, fans, flow, path};
